import { inflateSync } from 'node:zlib'
import {
  type AttributionRecord,
  attentionHeadsSvg,
  attentionNormsSvg,
  attentionShares,
  attributionFacts,
  attributionRgb,
  attributionSvg,
  captumColor,
  contrast,
  createReport,
  escapeHtml,
  hex,
  html,
  htmlPage,
  legible,
  type Rgb,
  raw,
  renderAttentionText,
  renderAttributionText,
  renderReport,
  viridisRgb,
} from '@antecedent/attribution'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { heatmapPng } from '../../packages/attribution/src/report/png.ts'
import { displayWidth } from '../../packages/attribution/src/report/width.ts'
import { attention, attribution, sentence, sentenceTokens } from './records.ts'

const test = suite('report')
fc.configureGlobal({ seed: 42 })

/** Any string, lone surrogates and control characters included, with markup made likely. */
const hostileText = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('<', '>', '"', "'", '&', '</script>', '\ud800', '\x1b[31m', '\u202e', '\0'),
    ),
  )
  .map((parts) => parts.join(''))

/** Tag names in the order in which a tokenizer of start and end tags meets them; fails on a stray quote or bracket. */
function tags(markup: string): string[] {
  const names: string[] = []
  const rest = markup.replace(/<(\/?[a-z!][\w-]*)((?:\s+[\w:-]+(?:="[^"<>]*")?)*)\s*\/?>/gi, (_, name: string) => {
    names.push(name.toLowerCase())
    return ''
  })
  assert.not.match(rest, /[<>"]/)
  return names
}

test('escaping: no text becomes a tag, breaks out of an attribute, or holds a character that XML forbids', () => {
  fc.assert(
    fc.property(hostileText, (text) => {
      const { markup } = html`<p title="${text}">${text}</p>`
      assert.equal(tags(markup), ['p', '/p'])
      assert.not.match(markup, /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u)
      assert.not.match(markup, /&(?!(amp|lt|gt|quot|#39);)/)
    }),
  )
})

test('every page forbids the network by its policy, and escapes what it is given', () => {
  const page = htmlPage({ title: '<b>', version: '1', style: 'b { top: 0 }', body: '<i>', script: '"<"' })
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)![1]!
  const allowed = Object.fromEntries(policy.split('; ').map((rule) => [rule.split(' ')[0]!, rule.split(' ').slice(1)]))
  assert.equal(allowed['default-src'], ["'none'"])
  assert.equal([allowed['base-uri'], allowed['form-action']], [["'none'"], ["'none'"]])
  assert.not.match(policy, /https?:|\*/)
  assert.match(page, '<title>&lt;b&gt;</title>')
  assert.match(page, '&lt;i&gt;')
})

test('escaping: exact text, markup passed through, nothing for null, undefined and false, lists joined', () => {
  assert.is(escapeHtml(`<a b="c">'&`), '&lt;a b=&quot;c&quot;&gt;&#39;&amp;')
  assert.is(escapeHtml('a\x1b\x7f\ud800\u202eb'), 'a␛␡\ufffd\ufffdb')
  assert.is(escapeHtml('עברית 👩‍🚀'), 'עברית 👩‍🚀')
  assert.is(html`<b>${raw('<i>')}${null}${undefined}${false}${0}${['<', html`<u>`]}</b>`.markup, '<b><i>0&lt;<u></b>')
})

test("colours: Captum's rule at 1, 0.5, 0, -0.3, -1, 2, with truncation toward 0", () => {
  const expected: [number, string][] = [
    [1, 'hsl(120, 75%, 50%)'],
    [0.5, 'hsl(120, 75%, 75%)'],
    [0.019, 'hsl(120, 75%, 100%)'],
    [0, 'hsl(0, 75%, 100%)'],
    [-0.024, 'hsl(0, 75%, 100%)'],
    [-0.3, 'hsl(0, 75%, 88%)'],
    [-1, 'hsl(0, 75%, 60%)'],
    [2, 'hsl(120, 75%, 50%)'],
    [-7, 'hsl(0, 75%, 60%)'],
  ]
  for (const [score, color] of expected) assert.is(captumColor(score), color, String(score))
  assert.is(hex(attributionRgb(1, 'captum')), '#20df20')
  assert.is(hex(attributionRgb(-1, 'captum')), '#e64d4d')
  assert.is(hex(attributionRgb(Number.NaN, 'captum')), captumColor(Number.NaN))
})

test('colours: text on every scale has a contrast of at least 4.5', () => {
  fc.assert(
    fc.property(fc.double({ min: -1.5, max: 1.5, noDefaultInfinity: true }), (score) => {
      for (const color of [attributionRgb(score, 'captum'), attributionRgb(score, 'diverging'), viridisRgb(score)]) {
        assert.ok(contrast(color, legible(color)) >= 4.5, `${score}: ${hex(color)}`)
      }
    }),
  )
})

// Machado, Oliveira and Fernandes 2009, severity 1, on linear light
const deficiencies = {
  protanopia: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deuteranopia: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritanopia: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
}

test('colours: on the diverging scale +a and -a stay apart under every colour vision, for a from 0.25', () => {
  const linear = (channel: number) => (channel / 255) ** 2.2
  const seen = (rgb: Rgb, m: number[]) =>
    [0, 3, 6].map((row) => {
      const light = rgb.reduce((sum, channel, i) => sum + m[row + i]! * linear(channel), 0)
      return 255 * Math.max(0, light) ** (1 / 2.2)
    })
  for (const [name, matrix] of Object.entries(deficiencies)) {
    for (const a of [0.25, 0.5, 0.75, 1]) {
      const [x, y] = [seen(attributionRgb(a, 'diverging'), matrix), seen(attributionRgb(-a, 'diverging'), matrix)]
      const distance = Math.hypot(...x.map((channel, i) => channel - y[i]!))
      assert.ok(distance > 40, `${name} at ${a}: ${distance.toFixed(0)}`)
    }
  }
})

test('colours: viridis runs from #440154 to #fde725, clips, and shows NaN in grey', () => {
  assert.is(hex(viridisRgb(-1)), '#440154')
  assert.is(hex(viridisRgb(2)), '#fde725')
  assert.is(hex(viridisRgb(Number.NaN)), '#999999')
})

test('png: 300 × 300 cells, more than a stored block holds, inflate to the palette indices of their values', () => {
  const matrix = Array.from({ length: 300 }, (_, i) => Array.from({ length: 300 }, (_, j) => (i * j) / 299 ** 2))
  matrix[1]![0] = Number.NaN
  const png = Buffer.from(heatmapPng(matrix, 1).split(',')[1]!, 'base64')
  const at = png.indexOf('IDAT')
  const rows = inflateSync(png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4)))
  assert.is(rows.length, 300 * 301)
  assert.equal([...rows.subarray(0, 3)], [0, 0, 0])
  assert.is(rows[301 + 1], 255, 'NaN')
  assert.is(rows[299 * 301 + 300], 254, 'the largest value')
  assert.is(rows[150 * 301 + 1 + 200], Math.round((150 * 200 * 254) / 299 ** 2))
})

test('facts: the sum, its bound and the relative error, which is null where F does not change', () => {
  const record = attribution(7)
  const facts = attributionFacts(record)
  assert.is(facts.bound, Math.sqrt(14))
  assert.ok(Math.abs(facts.sum - facts.difference - record.completenessError) < 1e-12)
  assert.ok(Math.abs(facts.relativeError! - 1.8e-5 / facts.difference) < 1e-12)
  assert.is(attributionFacts({ ...record, fx: 1, fBaseline: 1 }).relativeError, null)
  assert.is(attributionFacts({ ...record, fx: Number.NaN }).relativeError, null)
})

test('facts: the shares of attention are disjoint and sum to 1', () => {
  for (const { diagonal, cls, sep, other } of attentionShares(attention())) {
    assert.ok(Math.abs(diagonal + cls + sep + other - 1) < 1e-6)
  }
  const even = attention(['[CLS]', 'a', '[SEP]'], 1, 1)
  even.attentions = [[even.tokens.map(() => [1 / 3, 1 / 3, 1 / 3])]]
  const [share] = attentionShares(even)
  assert.is(share!.diagonal.toFixed(3), '0.333')
  assert.is(share!.cls.toFixed(3), '0.222')
})

const esc = String.fromCharCode(27)
const ansi = new RegExp(`${esc}\\[[\\d;]*m`, 'g')
const plainText = (text: string) => text.replaceAll(ansi, '')

test('terminal: no line is wider than asked, whatever the tokens, with and without colour', () => {
  const token = fc.oneof(hostileText, fc.constantFrom('医生', '##ing', '한국어', '👩‍🚀', 'e\u0301', 'x'.repeat(90)))
  fc.assert(
    fc.property(
      fc.array(token, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 40, max: 120 }),
      (tokens, width) => {
        const record = attribution(0, { tokens, warnings: [tokens.join(' ')] })
        for (const color of [false, true]) {
          for (const line of plainText(renderAttributionText(record, { color, width })).split('\n')) {
            assert.ok(displayWidth(line) <= width, `${displayWidth(line)} > ${width}: ${line}`)
          }
        }
      },
    ),
    { numRuns: 60 },
  )
})

test('terminal: without colour no escape is sent, not even one from a token, and the numbers of each token stand', () => {
  const tokens = sentenceTokens.with(3, 'hi\x1b[2Jred')
  const text = renderAttributionText(attribution(7, { tokens }))
  assert.not(text.includes(esc))
  assert.match(text, /^ 3 {2}hi␛\[2Jred +\+0\.01203 +0\.066 +│██$/m)
  assert.match(text, /^ 2 {2}physician +−0\.008610 +−0\.047 +▒│$/m)
  assert.match(text, /^attribution score {3}2\.49 of at most ±3\.74 /m)
  assert.match(text, /^completeness error {2}−1\.80e−5 \(0\.0040 % of the difference\)$/m)
  assert.match(text, /gausslegendre, 50 points/)
})

test('terminal: in colour every token has its background, and pieces of a word stand together', () => {
  const text = renderAttributionText(attribution(1, { tokens: ['[CLS]', 'cl', '##ient', '##s'] }), { color: true })
  assert.match(plainText(text), /^\[CLS\] cl##ient##s$/m)
  assert.is(text.match(/48;5;/g)?.length, 4)
})

test('terminal: NaN scores, a zero norm and warnings are said', () => {
  const nan = attribution(1, { fx: Number.NaN, completenessError: Number.NaN, warnings: ['off the path'] })
  assert.match(renderAttributionText(nan), /completeness error {2}NaN \(no relative error/)
  assert.match(renderAttributionText(nan), /^warning {13}off the path$/m)
  const zeros = sentenceTokens.map(() => 0)
  assert.not.match(renderAttributionText(attribution(1, { scores: zeros, normalizedScores: zeros })), /NaN|[█▒]/)
})

test('terminal: attention has a line a layer', () => {
  const lines = renderAttentionText(attention()).split('\n')
  assert.is(lines.filter((line) => /^ {4}\d {4}0\.\d\d/.test(line)).length, 6)
  assert.ok(lines.every((line) => line.length <= 80))
})

test('width: East Asian characters and emoji take two columns, marks none of their own', () => {
  const widths: [string, number][] = [
    ['abc', 3],
    ['医生', 4],
    ['한국', 4],
    ['ｶﾅ', 2],
    ['カナ', 4],
    ['e\u0301', 1],
    ['👩‍🚀', 2],
    ['❤️', 2],
    ['עברית', 5],
    ['', 0],
  ]
  for (const [text, width] of widths) assert.is(displayWidth(text), width, text)
})

/** Fails where `svg` is not well-formed: names are balanced, and text holds no bare bracket or quote. */
function assertWellFormed(svg: string): void {
  const open: string[] = []
  for (const [tag, name] of svg.replaceAll(/<style>.*?<\/style>/gs, '').matchAll(/<(\/?[\w]+)(?:"[^"<]*"|[^<>"])*>/g)) {
    if (name!.startsWith('/')) assert.is(open.pop(), name!.slice(1))
    else if (!tag.endsWith('/>')) open.push(name!)
  }
  assert.equal(open, [])
}

test('svg: figures are well-formed whatever the tokens, and title every cell', () => {
  fc.assert(
    fc.property(fc.array(hostileText, { minLength: 1, maxLength: 5 }), (tokens) => {
      const record = attention(tokens, 1, 2)
      for (const svg of [
        attentionHeadsSvg(record),
        attentionNormsSvg(record),
        attributionSvg(attribution(0, { tokens })),
      ]) {
        assertWellFormed(svg)
        assert.not.match(svg.replaceAll('\n', ''), /[\p{Cc}\p{Cs}]/u)
      }
    }),
    { numRuns: 40 },
  )
  const svg = attentionHeadsSvg(attention(), 2)
  assert.is(svg.match(/<rect[^>]*><title>/g)?.length, 12 * 14 * 14)
  assert.match(svg, /viewBox="0 0 \d+ \d+"/)
})

test('svg: the attribution of a short text, to the digit', () => {
  const record = attribution(1, {
    tokens: ['[CLS]', '<s>', '##b'],
    normalizedScores: [0, 0.8, -0.6],
    scores: [0, 4, -3],
  })
  const rows = attributionSvg(record).match(/<g>.*?<\/g>/g)!
  assert.match(rows[1]!, /<title>&lt;s&gt;: score \+4\.000, normalized 0\.800<\/title>/)
  assert.match(rows[1]!, /<rect x="16" [^>]*fill="#4de64d"\/><text [^>]*fill="#000000">#s<\/text>/)
  assert.match(rows[1]!, /width="137\.14"/)
  assert.match(rows[2]!, /width="102\.86" height="12" fill="#b35806"/)
})

test('svg: a layer that is not there is an error that names the layers that are', () => {
  assert.throws(() => attentionHeadsSvg(attention(), 6), /expected a layer from 0 to 5, got 6/)
})

test('page: no text of a record becomes markup, in any field', () => {
  const evil = '</script><img src=x onerror=alert(1)>"\'&'
  const tokens = ['[CLS]', evil, '[SEP]']
  const settings: AttributionRecord['settings'] = { [evil]: evil, nSteps: 50, method: evil, site: evil, baseline: evil }
  const all = { tokens, target: evil, text: evil, method: evil, sumsTo: evil, warnings: [evil], settings }
  const provenance = { library: evil, model: evil, weightsHash: evil, device: evil, dtype: 'f32' as const }
  const page = renderReport({
    title: evil,
    attributions: [attribution(1, { ...all, provenance })],
    attention: { ...attention(tokens, 1, 1), text: evil },
    command: evil,
    version: evil,
    lang: evil,
  })
  assert.is(page.match(/<img/g), null)
  assert.is(page.match(/<\/script>/g)?.length, 2)
  assert.is(page.match(/onerror/g)!.length, page.match(/onerror=alert\(1\)(&gt;|>\\"|"|&gt;&quot;)/g)!.length)
})

test("page: the paper's sentence, 14 tokens, 6 layers, 12 heads, stays under 400 KB with all three figures", () => {
  const options = { title: 'he', attributions: [attribution(2), attribution(7)], attention: attention(), version: '0' }
  const page = renderReport(options)
  assert.ok(page.length < 400_000, `${page.length} characters`)
  assert.is(page.match(/<svg class="map"/g)?.length, 6 * 12 + 6)
  for (const text of ['Head 12', 'Layer 6', 'None (0.00)', 'Negative', 'Neutral', 'Positive', sentence]) {
    assert.ok(page.includes(text), text)
  }
  assert.match(page, /data-column="Attribution Score">2\.49<\/td>/)
  assert.is(page, renderReport(options), 'the same records give the same bytes')
})

test('page: of a long text the layers that fit are drawn, and the page says how many are not', () => {
  const tokens = Array.from({ length: 200 }, (_, i) => `token${i}`)
  const record = attention(tokens, 3, 4)
  const page = renderReport({ title: '', attributions: [], attention: record, version: '0' })
  assert.is(page.match(/class="panel"/g)?.length, 3)
  const many = { ...record, attentions: Array.from({ length: 20 }, (_, i) => record.attentions[i % 3]!) }
  const shortened = renderReport({ title: '', attributions: [], attention: many, version: '0' })
  assert.is(shortened.match(/class="panel"/g)?.length, 15)
  assert.match(shortened, /5 of 20 layers are left out/)
})

test('page: without attention or without attributions the other part stands alone', () => {
  assert.not.match(
    renderReport({ title: '', attributions: [attribution(2)], attention: null, version: '0' }),
    /Figure 1/,
  )
  const page = renderReport({ title: '', attributions: [], attention: attention(), version: '0' })
  assert.not.match(page, /Figure 3/)
})

test('notebook: a report displays itself as HTML in a frame, and as text', () => {
  const report = createReport({ title: 'he', attributions: [attribution(7)], attention: attention(), version: '0' })
  const shown = report[Symbol.for('Jupyter.display') as never] as () => Record<string, string>
  const bundle = shown.call(report)
  const source = bundle['text/html']!.match(/^<iframe [^>]*srcdoc="([^"]*)"[^>]*><\/iframe>$/)![1]!
  assert.is(source.replaceAll('&quot;', '"').replaceAll('&amp;', '&'), report.html)
  assert.is(bundle['text/plain'], report.text)
  assert.match(report.text, /token 7 "he"[\s\S]*Attention/)
})

test.run()
