/** The results of topics as tables for people. */
import { type ReplayResults, storedMessages } from './replay.js'
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

/** Writes those of replays. */
export function replayTables({ rates, about }: ReplayResults): string[] {
  const rows = rates.map(({ name, perSecond, toOther }) => [
    name,
    figureText(perSecond, 1e-6),
    toOther ? figureText(toOther) : '',
  ])
  const title = `Replay: ${countText(storedMessages)} stored messages, read from the beginning`
  return [table(title, ['', 'million a second', '÷ JetStream'], rows), about.join('\n')]
}

function shapeText({ topics, subscribers }: TopicRate): string {
  return `${countText(topics)} ${topics === 1 ? 'topic' : 'topics'}, ${subscribers} ${subscribers === 1 ? 'subscriber' : 'subscribers'}`
}
