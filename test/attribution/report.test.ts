/** The report: its colours, its text, and the page in a real browser. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type AttentionRecord,
  type AttributionRecord,
  captumColor,
  escapeHtml,
  renderAttentionText,
  renderAttributionText,
  renderReport,
} from '@antecedent/attribution'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { launch, needsBrowser } from '../support/browser.ts'

const test = suite('report')
const folder = mkdtempSync(join(tmpdir(), 'antecedent-report-'))
test.after(() => rmSync(folder, { recursive: true }))

const hostile = '<img src=x onerror="document.title=1">'
const tokens = ['[CLS]', 'the', hostile, 'he', '<s>', '[SEP]']
const provenance = { library: '0.1.0', model: 'm', weightsHash: null, device: 'ref', dtype: 'f32' as const }
const scores = [0, 0.5, -0.25, 1, 0.125, 0]
const length = Math.hypot(...scores)

const attribution: AttributionRecord = {
  ...{ schema: 1, method: 'layerIntegratedGradients', target: `max of token 3 ${hostile}`, targetToken: 3 },
  ...{ text: `the ${hostile} he`, tokens, offsets: null, scores, normalizedScores: scores.map((s) => s / length) },
  ...{ attributionScore: scores.reduce((a, b) => a + b) / length, fx: 2, fBaseline: 1, completenessError: 0.375 },
  ...{
    exact: false,
    sumsTo: 'F(x) − F(baseline)',
    evaluations: { forward: 4, backward: 2 },
    settings: { site: hostile },
  },
  ...{ warnings: ['the error is large'], provenance },
}

const row = [0.5, 0.1, 0.1, 0.1, 0.1, 0.1]
const heads = Array.from({ length: 12 }, () => tokens.map(() => row))
const norms = Array.from({ length: 6 }, () => tokens.map(() => row.map((p) => p * Math.sqrt(12))))
const attention: AttentionRecord = {
  schema: 1,
  text: attribution.text,
  tokens,
  attentions: norms.map(() => heads),
  norms,
  provenance,
}

test('Captum’s colours: 100 − trunc(50 a) % green, 100 − trunc(−40 a) % red, clipped to [−1, 1]', () => {
  const expected: [number, number, number][] = [
    [1, 120, 50],
    [0.5, 120, 75],
    [0, 0, 100],
    [-0.3, 0, 88],
    [-1, 0, 60],
    [2, 120, 50],
    [-2, 0, 60],
  ]
  for (const [a, hue, lightness] of expected)
    assert.is(captumColor(a).replaceAll(' ', ''), `hsl(${hue},75%,${lightness}%)`)
})

test('escaped text holds no markup, whatever it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => assert.not.match(escapeHtml(text), /[<>"']/)),
    { seed: 42, numRuns: 2000 },
  )
})

test('the terminal text has every token, F at both ends and the completeness error, without colours', () => {
  const text = renderAttributionText(attribution, { color: false, width: 80 })
  for (const part of ['the', 'he', '2.000', '1.000', '0.3750', '±2.45', 'the error is large'])
    assert.ok(text.includes(part), part)
  assert.ok(!text.includes('\u001b'))
  assert.ok(renderAttributionText(attribution, { color: true }).includes('\u001b['))
  assert.ok(renderAttentionText(attention).length > 0)
})

for (const [width, colorScheme] of [
  [1280, 'light'],
  [390, 'dark'],
] as const) {
  needsBrowser(test)(
    `the page at ${width} pixels, ${colorScheme}: three figures, nothing loaded, nothing run, no sideways scrolling`,
    async () => {
      const file = join(folder, 'report.html')
      writeFileSync(file, renderReport({ attributions: [attribution], attention }))
      const browser = await launch()
      try {
        const page = await (await browser.newContext({ viewport: { width, height: 900 }, colorScheme })).newPage()
        const trouble: string[] = []
        const requests: string[] = []
        page.on('console', (message) => trouble.push(message.text()))
        page.on('pageerror', (error) => trouble.push(error.message))
        page.on('request', (request) => requests.push(request.url()))
        await page.goto(`file://${file}`)
        assert.equal(trouble, [])
        assert.is(requests.filter((url) => !url.startsWith('data:')).length, 1)
        assert.equal(
          await page
            .locator('h2')
            .allTextContents()
            .then((all) => all.map((text) => text.slice(0, 8))),
          ['Figure 1', 'Figure 2', 'Figure 3'],
        )
        assert.is(await page.locator('img').count(), 0)
        assert.is(await page.locator('.figure svg').count(), 2)
        assert.ok((await page.title()).includes(hostile))
        const [wide, inside] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth])
        assert.ok(wide! <= inside!, `${wide} > ${inside}`)
        const score = await page.locator('.paper tbody td').nth(3).textContent()
        assert.is(score, attribution.attributionScore.toFixed(2))
        assert.ok(await page.getByText('the error is large').isVisible())
        assert.is(await page.getByText('#s', { exact: true }).count(), 1)
      } finally {
        await browser.close()
      }
    },
  )
}

test.run()
