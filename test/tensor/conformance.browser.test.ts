/**
 * The devices of a real browser: wasm with and without cross-origin isolation, in the page and in a worker; gpu through
 * the browser's own WebGPU, on its software adapter.
 */
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, normalize } from 'node:path'
import type { Browser } from 'playwright-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { launchChromium, needsChromium } from '../support/browser.ts'
import { repository } from '../support/shared.ts'

const test = suite('the library in Chromium')
const browserTest = needsChromium(test)

interface Answer {
  description: string
  pipelines: string[]
  cases: number
  failures: string[]
  isolated: boolean
}

/** Serves the repository; an isolated page may share memory between threads. */
function serve(isolated: boolean): Promise<Server> {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://localhost').pathname)
    if (isolated) {
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin')
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp')
    }
    if (path === '/') {
      response.setHeader('Content-Type', 'text/html')
      response.end(page)
      return
    }
    try {
      const content = readFileSync(join(repository, path))
      response.setHeader('Content-Type', path.endsWith('.js') ? 'text/javascript' : 'application/octet-stream')
      response.end(content)
    } catch {
      response.statusCode = 404
      response.end()
    }
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}

const script = '/test/tensor/conformancePage.js'

/** A page finds gpu.js as any page finds a package that is not bundled. */
const page = `<!doctype html><title>conformance</title>
<script type="importmap">{ "imports": { "gpu.js": "/node_modules/gpu.js/dist/gpu-browser.js" } }</script>`

/** Functions for the page, as text: what runs there is no part of this program. */
const inPage = (threads: string) => `import('${script}').then(({ conformance }) => conformance(${threads}))`
const inWorker = `new Promise((resolve, reject) => {
  const worker = new Worker('${script}', { type: 'module' })
  worker.onmessage = (event) => resolve(event.data)
  worker.onerror = (event) => reject(new Error(event.message))
  worker.postMessage('go')
})`

let browser: Browser | undefined
test.after(() => browser?.close())

browserTest('threads where a page has none are an error that says how to get them', async () => {
  const server = await serve(false)
  browser ??= await launchChromium()
  const page = await browser.newPage()
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  const message = await page.evaluate(`${inPage('2')}.then(() => 'none', (error) => error.message)`)
  assert.match(message as string, /a host with 2 threads, got the page is not cross-origin isolated .*COOP/)
  await page.close()
  server.closeAllConnections()
  server.close()
})

for (const isolated of [true, false]) {
  for (const [place, program] of [
    ['the page', inPage(isolated ? '2' : '')],
    ['a worker', inWorker],
  ] as const) {
    browserTest(`${isolated ? 'isolated' : 'not isolated'}, in ${place}: every case agrees with ref`, async () => {
      const server = await serve(isolated)
      try {
        browser ??= await launchChromium()
        const page = await browser.newPage()
        const problems: string[] = []
        page.on('pageerror', (error) => problems.push(error.message))
        await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
        const answer = (await page.evaluate(program)) as Answer
        assert.equal(answer.failures, [])
        assert.equal(problems, [])
        assert.ok(answer.cases > 150, String(answer.cases))
        assert.is(answer.isolated, isolated)
        if (isolated) assert.match(answer.description, /wasm \(SIMD( with fused multiply-add)?, \d+ threads?\)/)
        else assert.match(answer.description, '1 thread, for the page is not cross-origin isolated')
        await page.close()
      } finally {
        server.closeAllConnections()
        server.close()
      }
    })
  }
}

browserTest('gpu through the browser: every case agrees with ref, on kernels of gpu.js and our own', async () => {
  const server = await serve(false)
  const withGpu = await launchChromium(['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'])
  try {
    const page = await withGpu.newPage()
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    const program = `import('${script}').then(({ conformance }) => conformance(undefined, 'gpu'))`
    const answer = (await page.evaluate(program)) as Answer
    assert.equal(answer.failures, [])
    assert.ok(answer.cases > 150, String(answer.cases))
    assert.match(answer.description, /^gpu \(WebGPU on .*swiftshader/i)
    for (const kernel of ['gpu.js:exp/', 'gpu.js:add/', 'wgsl:matmul direct/', 'wgsl:softmax/', 'wgsl:addRows/'])
      assert.ok(
        answer.pipelines.some((name) => name.startsWith(kernel)),
        `${kernel} did not run`,
      )
  } finally {
    await withGpu.close()
    server.closeAllConnections()
    server.close()
  }
})

browserTest('a browser without an adapter says so', async () => {
  const server = await serve(false)
  browser ??= await launchChromium()
  const page = await browser.newPage()
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  const program = `import('${script}').then(({ conformance }) => conformance(undefined, 'gpu'))`
  const message = await page.evaluate(`${program}.then(() => 'none', (error) => error.message)`)
  assert.match(message as string, /useDevice: expected (WebGPU|a WebGPU adapter) for the device gpu/)
  await page.close()
  server.closeAllConnections()
  server.close()
})

test.run()
