/**
 * The site: navigation from the folders of `docs`, a search without a server, and links into the repository.
 *
 * Nothing is loaded from another server.
 */
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'
import { readGuides } from '../../tools/docs/guides.js'
import { llmsText } from '../../tools/docs/llms.js'
import { repositoryLinks } from '../../tools/docs/repository-links.js'
import { searchOptions } from '../../tools/docs/search.js'
import { apiSidebars, navOf, sidebarOf } from '../../tools/docs/sidebar.js'
import { slug } from '../../tools/docs/slug.js'
import { writeSourcePages } from '../../tools/docs/source-pages.js'

const docs = fileURLToPath(new URL('..', import.meta.url))
const root = join(docs, '..')
const { version, description } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const guides = readGuides(docs)
const linked = new Set<string>()

const apiModules = (() => {
  try {
    return JSON.parse(readFileSync(join(docs, 'reference/api/typedoc-sidebar.json'), 'utf8'))
  } catch {
    return []
  }
})()

export default defineConfig({
  title: 'Rivulet',
  description,
  lang: 'en',
  outDir: join(docs, '.vitepress/dist'),
  ignoreDeadLinks: [/^\/source\//],
  markdown: {
    anchor: { slugify: slug },
    theme: { light: 'github-light-high-contrast', dark: 'github-dark' },
    config: (md) => md.use(repositoryLinks, { root, linked }),
  },
  themeConfig: {
    nav: [
      ...navOf(guides, ['start', 'patterns', 'recipes', 'operations', 'reference']),
      { text: 'API', link: '/reference/api/', activeMatch: '^/reference/api/' },
      { text: `v${version}`, link: '/reference/changelog' },
    ],
    sidebar: { '/': sidebarOf(guides), ...apiSidebars(apiModules) },
    outline: [2, 3],
    search: { provider: 'local', options: searchOptions },
    externalLinkIcon: true,
    docFooter: { prev: 'Previous page', next: 'Next page' },
  },
  vite: { build: { assetsInlineLimit: 0, chunkSizeWarningLimit: 8000 }, publicDir: false },
  buildEnd: ({ outDir, site: { base } }) => {
    writeSourcePages(root, outDir, base, linked)
    cpSync(join(docs, 'protocol'), join(outDir, 'protocol'), { recursive: true })
    for (const { path } of guides) {
      mkdirSync(dirname(join(outDir, path)), { recursive: true })
      copyFileSync(join(docs, path), join(outDir, path))
    }
    const addressOf = (path: string): string => `${base}${path}`
    writeFileSync(join(outDir, 'llms.txt'), llmsText({ name: 'Rivulet', description }, guides, addressOf))
  },
})
