/** The look of the site: VitePress's own theme, with a few rules of ours. */
import theme from 'vitepress/theme'
import './site.css'

export default theme
