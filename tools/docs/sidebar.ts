/** The navigation of the site: a group for each section, made from the folders and pages, so a new page needs no entry. */
import type { DefaultTheme } from 'vitepress'
import { type Guide, sections } from './guides.js'

/** The groups of the sidebar: each section with its pages; the sections that are not read now are folded. */
export function sidebarOf(guides: readonly Guide[]): DefaultTheme.SidebarItem[] {
  const known = sections.map(([folder]) => folder)
  const others = [...new Set(guides.map(({ section }) => section))].filter((one) => one !== '' && !known.includes(one))
  return [...sections, ...others.map((one) => [one, one] as const)].flatMap(([folder, text]) => {
    const items: DefaultTheme.SidebarItem[] = guides
      .filter(({ section }) => section === folder)
      .map(({ path, title }) => ({ text: title, link: linkOf(path) }))
    if (folder === 'reference') items.unshift({ text: 'API', link: '/reference/api/' })
    return items.length === 0 ? [] : [{ text, collapsed: folder !== 'start', items }]
  })
}

/** The first page of each section, for the line at the top. */
export function navOf(guides: readonly Guide[], folders: readonly string[]): DefaultTheme.NavItem[] {
  return folders.flatMap((folder) => {
    const first = guides.find(({ section }) => section === folder)
    const title = sections.find(([name]) => name === folder)?.[1]
    return first === undefined || title === undefined
      ? []
      : [{ text: title, link: linkOf(first.path), activeMatch: `^/${folder}/(?!api/)` }]
  })
}

/** An item of the list that TypeDoc's theme writes. */
interface ApiItem {
  readonly text: string
  readonly link?: string
  readonly items?: readonly ApiItem[]
}

/**
 * A sidebar for each entry of the package: the entries, and its own symbols; from the list that TypeDoc's theme writes.
 *
 * There the entry `rivulet` holds the others, which are known by their links.
 */
export function apiSidebars(modules: readonly ApiItem[]): DefaultTheme.SidebarMulti {
  const entries = modules.flatMap((main) => {
    const others = (main.items ?? []).filter(({ link }) => link !== undefined)
    const own = (main.items ?? []).filter(({ link }) => link === undefined)
    return [{ ...main, items: own }, ...others.map((one) => ({ ...one, text: `${main.text}/${one.text}` }))]
  })
  const list = entries.map(({ text, link = '' }) => ({ text, link }))
  const head: DefaultTheme.SidebarItem = { text: 'API', link: '/reference/api/', items: list }
  const own = entries.map(({ text, link = '', items = [] }) => [
    link,
    [head, { text, items: items.map((kind) => ({ ...open(kind), collapsed: false })) }],
  ])
  return { '/reference/api/': [head], ...Object.fromEntries(own) }
}

function open({ text, link, items }: ApiItem): DefaultTheme.SidebarItem {
  return { text, ...(link && { link: link.replace(/\.md$/, '') }), ...(items && { items: items.map(open) }) }
}

function linkOf(path: string): string {
  return `/${path.replace(/(^|\/)index\.md$/, '$1').replace(/\.md$/, '')}`
}
