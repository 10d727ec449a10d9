/** The results of topics as tables for people. */
import { countText, figureText, table } from './tables.js'
import type { TopicRate, TopicResults } from './topics.js'

/** Writes the tables. */
export function topicTables({ rates, about }: TopicResults): string[] {
  const heads = [
    '',
    'million delivered a second',
    '÷ the best other',
    '÷ without history',
    'CPU ns',
    'of the other ÷ own',
    'lost',
  ]
  const rows = rates.map((rate) => [
    `${shapeText(rate)}: ${rate.name}`,
    figureText(rate.perSecond, 1e-6),
    rate.toBest ? `${figureText(rate.toBest)} ${rate.best}` : '',
    rate.toOwn ? figureText(rate.toOwn) : '',
    figureText(rate.cpuNanoseconds),
    rate.bestCpuTo ? figureText(rate.bestCpuTo) : '',
    `${(rate.lost * 100).toFixed(rate.lost === 0 ? 0 : 1)} %`,
  ])
  const title = 'Topics: messages that all subscribers together were given; CPU time of all processes for each of them'
  return [table(title, heads, rows), about.join('\n')]
}

function shapeText({ topics, subscribers }: TopicRate): string {
  return `${countText(topics)} ${topics === 1 ? 'topic' : 'topics'}, ${subscribers} ${subscribers === 1 ? 'subscriber' : 'subscribers'}`
}
