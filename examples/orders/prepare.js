/** Installs and builds the package in the repository, which this application uses, unless that is done. */
import { execSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const cwd = new URL('../../', import.meta.url)
if (!existsSync(new URL('node_modules', cwd))) execSync('npm ci', { cwd, stdio: 'inherit' })
execSync('npm run --silent build', { cwd, stdio: 'inherit' })
