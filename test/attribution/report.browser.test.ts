/** The report in a real browser. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { attentionHeadsSvg, attributionSvg, renderReport } from '@antecedent/attribution'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { launchChromium, needsChromium } from '../support/browser.ts'
import { attention, attribution, sentenceTokens } from './records.ts'

const test = suite('report in Chromium')
const browserTest = needsChromium(test)

const hostile = '<img src=x onerror="document.title=\'owned\'">'
const hostileTokens = sentenceTokens.with(5, hostile).with(6, '</script><script>document.title="owned"</script>')

const report = renderReport({
  title: 'Who is “he”?',
  attributions: [attribution(2, { warnings: ['more points are needed'] }), attribution(7)],
  attention: attention(),
  command: 'antecedent explain',
  version: '0.1.0',
})

let browser: Browser
let folder: string

test.before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'antecedent-report-'))
})

test.after(async () => {
  await browser?.close()
  rmSync(folder, { recursive: true })
})

/** Opens a file with this content; `check` also fails on a request that leaves the page and on any console message. */
async function open(
  content: string,
  options: BrowserContextOptions,
  check: (page: Page) => Promise<void>,
  name = 'page.html',
): Promise<void> {
  browser ??= await launchChromium()
  const file = join(folder, name)
  writeFileSync(file, content)
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const problems: string[] = []
  page.on('console', (message) => problems.push(`console: ${message.text()}`))
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`))
  const address = pathToFileURL(file).href
  page.on('request', (request) => {
    if (request.url() !== address && !request.url().startsWith('data:')) problems.push(`request: ${request.url()}`)
  })
  await page.goto(address)
  await check(page)
  await context.close()
  assert.equal(problems, [])
}

for (const width of [390, 1280]) {
  for (const colorScheme of ['light', 'dark'] as const) {
    browserTest(`at ${width} pixels, ${colorScheme}: three figures, nothing beyond the window, nothing loaded`, () =>
      open(report, { viewport: { width, height: 900 }, colorScheme }, async (page) => {
        assert.is(await page.evaluate(() => document.documentElement.scrollWidth), width)
        for (const figure of ['#figure-1', '#figure-2', '#figure-3']) assert.ok(await page.isVisible(figure), figure)
        assert.is(await page.locator('#figure-1 svg.map:visible').count(), 12)
        assert.is(await page.locator('#figure-2 svg.map:visible').count(), 6)
        assert.is(await page.locator('.captum tbody tr').count(), 2)
        const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor)
        assert.is(background, colorScheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(20, 23, 27)')
        const label = page.locator('#figure-1 .map-name').first()
        const fill = await label.evaluate((element) => getComputedStyle(element).fill)
        assert.is(fill, colorScheme === 'light' ? 'rgb(27, 31, 36)' : 'rgb(228, 231, 235)')
      }),
    )
  }
}

browserTest('the pictures of the maps decode to one pixel a cell', () =>
  open(report, {}, async (page) => {
    const sizes = await page.evaluate(() =>
      Promise.all(
        [...document.querySelectorAll('svg.map image')].map(async (element) => {
          const image = new Image()
          image.src = element.getAttribute('href') ?? ''
          await image.decode()
          return `${image.naturalWidth} × ${image.naturalHeight}`
        }),
      ),
    )
    assert.is(sizes.length, 78)
    assert.ok(sizes.every((size) => size === '14 × 14'))
  }),
)

browserTest('the layer is chosen with the keyboard, with and without JavaScript', async () => {
  for (const javaScriptEnabled of [true, false]) {
    await open(report, { javaScriptEnabled }, async (page) => {
      assert.ok(await page.isVisible('#heads-0'))
      await page.locator('#layer-0').focus()
      await page.keyboard.press('ArrowRight')
      await page.keyboard.press('ArrowRight')
      assert.ok(await page.isVisible('#heads-2'))
      assert.not(await page.isVisible('#heads-0'))
      assert.is(await page.locator('#figure-1 svg.map:visible').count(), 12)
    })
  }
})

browserTest('the numbers of a map are read with the arrow keys and with the pointer', () =>
  open(report, {}, async (page) => {
    const map = page.locator('#heads-0 svg.map').nth(2)
    const value = (query: number, key: number) => attention().attentions[0]![2]![query]![key]!.toFixed(3)
    await map.focus()
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    assert.is(
      await page.locator('#tip').evaluate((tip) => tip.textContent?.replace(/[\u2066-\u2069]/g, '')),
      `Layer 1, head 3\nphysician → The\n${value(2, 1)}`,
    )
    await page.keyboard.press('Escape')
    assert.not(await page.isVisible('#tip'))
    const box = (await map.locator('image').boundingBox())!
    await page.mouse.move(box.x + (2.5 / 14) * box.width, box.y + (7.5 / 14) * box.height)
    assert.match(await page.locator('#tip').innerText(), new RegExp(value(7, 2)))
    const norm = page.locator('#figure-2 svg.map').nth(5)
    await norm.focus()
    await page.keyboard.press('ArrowRight')
    assert.match(await page.locator('#tip').innerText(), new RegExp(attention().norms[5]![0]![1]!.toFixed(3)))
  }),
)

browserTest(
  'the numbers of tokens are read with the arrow keys, and the colours change without JavaScript too',
  async () => {
    await open(report, {}, async (page) => {
      await page.locator('.words .token').first().focus()
      await page.keyboard.press('ArrowRight')
      assert.match(await page.locator('#tip').innerText(), /^The: score \+0\.05119, normalized 0\.316$/)
    })
    await open(report, { javaScriptEnabled: false }, async (page) => {
      const token = page.locator('.captum .token.target').first()
      const color = () => token.evaluate((element) => getComputedStyle(element).backgroundColor)
      const before = await color()
      await page.locator('#scale-captum').focus()
      await page.keyboard.press('ArrowRight')
      assert.is.not(await color(), before)
      assert.match((await token.getAttribute('title')) ?? '', /^physician: score/)
    })
  },
)

browserTest('hostile text is shown and not executed', () => {
  const page = renderReport({
    title: hostile,
    attributions: [attribution(5, { tokens: hostileTokens, text: hostile, warnings: [hostile] })],
    attention: attention(hostileTokens),
    version: hostile,
  })
  return open(page, { viewport: { width: 390, height: 800 } }, async (opened) => {
    await opened.locator('#heads-0 svg.map').first().focus()
    for (let i = 0; i < 6; i++) await opened.keyboard.press('ArrowDown')
    assert.match(await opened.locator('#tip').innerText(), /<\/script>/)
    assert.is(await opened.title(), hostile)
    assert.is(await opened.locator('img').count(), 0)
    assert.is(await opened.locator('script').count(), 2)
    assert.is(await opened.evaluate(() => document.documentElement.scrollWidth), 390)
  })
})

browserTest('long, right-to-left and 120 tokens stay inside the window', () => {
  const tokens = Array.from({ length: 120 }, (_, i) => ['רופא', '医生', 'x'.repeat(60), '👩‍🚀', 'word'][i % 5]!)
  const text = tokens.join(' ')
  const page = renderReport({
    title: text,
    attributions: [attribution(60, { tokens, text, target: 'x'.repeat(200) })],
    attention: { ...attention(tokens, 2, 4), text },
    version: '0',
  })
  return open(page, { viewport: { width: 390, height: 800 } }, async (opened) => {
    for (const details of await opened.locator('summary').all()) await details.click()
    assert.is(await opened.evaluate(() => document.documentElement.scrollWidth), 390)
  })
})

browserTest('SVG files are read as XML, without an error', async () => {
  const figures = [
    attentionHeadsSvg(attention(hostileTokens), 1),
    attributionSvg(attribution(5, { tokens: hostileTokens })),
  ]
  for (const svg of figures) {
    await open(
      svg,
      {},
      async (page) => {
        assert.is(await page.evaluate(() => document.documentElement.localName), 'svg')
        assert.is(await page.locator('parsererror').count(), 0)
        assert.ok((await page.locator('title').count()) >= 14)
      },
      'figure.svg',
    )
  }
})

test.run()
