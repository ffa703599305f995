/** Bundles the page with vite, as any other one, and serves it. */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { build, type Rollup } from 'vite'

const root = fileURLToPath(new URL('../../05-browser/', import.meta.url))
const input = fileURLToPath(new URL('page.js', import.meta.url))
const output = { entryFileNames: 'page.js', chunkFileNames: '[name].js' }
const { output: files } = (await build({
  configFile: false,
  root,
  logLevel: 'warn',
  build: { write: false, target: 'es2022', modulePreload: false, rollupOptions: { input, output } },
})) as Rollup.RollupOutput
const scripts = new Map(files.flatMap((file) => (file.type === 'chunk' ? [[`/${file.fileName}`, file.code]] : [])))
const page = await readFile(`${root}index.html`)

const server = createServer(({ url = '' }, response) => {
  const { pathname } = new URL(url, 'http://page')
  const script = scripts.get(pathname)
  const [status, type] = script !== undefined ? [200, 'text/javascript'] : pathname === '/' ? [200, 'text/html'] : [404, 'text/plain']
  response.writeHead(status, { 'content-type': `${type}; charset=utf-8` }).end(script ?? (status === 200 ? page : 'not here\n'))
})
server.listen(Number(process.env['PORT'] ?? 8080), '127.0.0.1', () => {
  console.log(`The page is at http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit())
