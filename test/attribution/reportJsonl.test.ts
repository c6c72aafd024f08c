import { type AttributionRecord, fromJsonLine, RecordError, toJsonLine } from '@antecedent/attribution'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { attention, attribution } from './records.ts'

const test = suite('records as JSON lines')
fc.configureGlobal({ seed: 42 })

const text = fc.string({ unit: 'binary' })
const ordinary = { noNullPrototype: true }
const figures = { f32: fc.float(), f64: fc.double() }

/** Any record of n tokens: every number may be NaN, infinite or −0, every text any string. */
const records = fc.tuple(fc.constantFrom('f32', 'f64'), fc.nat(6)).chain(([dtype, n]) => {
  const figure = figures[dtype]
  const list = fc.array(figure, { minLength: n, maxLength: n })
  return fc.record<AttributionRecord>(
    {
      schema: fc.constant(1),
      method: text,
      target: text,
      targetToken: fc.option(fc.nat()),
      text: fc.option(text),
      tokens: fc.array(text, { minLength: n, maxLength: n }),
      offsets: fc.option(fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: n, maxLength: n })),
      scores: list,
      normalizedScores: list,
      attributionScore: figure,
      attributions: fc.record({ shape: fc.array(fc.nat()), data: list }, ordinary),
      fx: figure,
      fBaseline: figure,
      completenessError: figure,
      exact: fc.boolean(),
      sumsTo: text,
      evaluations: fc.record({ forward: fc.nat(), backward: fc.nat() }, ordinary),
      settings: fc.dictionary(text, fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null)), ordinary),
      warnings: fc.array(text),
      provenance: fc.record(
        {
          library: text,
          model: fc.option(text),
          weightsHash: fc.option(text),
          device: text,
          pipelines: fc.array(text),
          dtype: fc.constant(dtype),
        },
        { ...ordinary, requiredKeys: ['library', 'model', 'weightsHash', 'device', 'dtype'] },
      ),
    },
    { requiredKeys, noNullPrototype: true },
  )
})

const requiredKeys = (Object.keys(attribution(7)) as (keyof AttributionRecord)[]).filter((k) => k !== 'attributions')

test('a record read back is the record written, to the bit and to the sign of zero, and equal records give equal bytes', () => {
  fc.assert(
    fc.property(records, (record) => {
      const line = toJsonLine(record)
      assert.not.match(line, /[\n\r\u0085\u2028\u2029]/)
      const back = fromJsonLine(line) as AttributionRecord
      assert.equal(back, record)
      back.scores.forEach((score, i) => void assert.ok(Object.is(score, record.scores[i])))
      const reversed = Object.fromEntries(Object.entries(record).reverse()) as typeof record
      assert.is(toJsonLine(reversed), line)
    }),
  )
})

test('an attention record reads back', () => {
  const record = attention(['[CLS]', 'a', '[SEP]'], 2, 3)
  record.norms[1]![0]![2] = Number.NaN
  assert.equal(fromJsonLine(toJsonLine(record)), record)
})

test('float32 is written with the fewest digits, float64 with its own, and NaN and infinities as strings', () => {
  const scores = [
    Math.fround(0.1),
    Math.fround(1 / 3),
    -0,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ]
  const record = attribution(0, { tokens: ['a', 'b', 'c', 'd', 'e', 'f'], scores, normalizedScores: scores })
  assert.match(toJsonLine(record), /"scores":\[0\.1,0\.33333334,-0,"NaN","Infinity","-Infinity"\]/)
  record.provenance.dtype = 'f64'
  assert.match(toJsonLine(record), /"scores":\[0\.10000000149011612,0\.3333333432674408,-0,/)
  record.provenance.dtype = 'f32'
})

test('the keys stand in one order, settings by name', () => {
  const line = toJsonLine(attribution(7))
  assert.match(line, /^\{"schema":1,"method":"layerIntegratedGradients","target":"max of/)
  assert.match(
    line,
    /"settings":\{"baseline":"pad","method":"gausslegendre","multiplyByInputs":true,"nSteps":50,"site"/,
  )
})

const bad: [string, (json: Record<string, unknown>) => unknown, string, RegExp][] = [
  ['another schema', (json) => ({ ...json, schema: 2 }), 'schema', /expected schema 1 .*, got 2/],
  ['no schema', ({ schema, ...json }) => json, 'schema', /got nothing/],
  ['a list', () => [], '', /expected an object, got a list of 0/],
  ['a missing field', ({ fx, ...json }) => json, 'fx', /expected a number, .*, got nothing/],
  ['a score that is no number', (json) => ({ ...json, scores: ['1'] }), 'scores[0]', /"-Infinity", got "1"/],
  ['too few scores', (json) => ({ ...json, scores: [1] }), 'scores', /expected a list of 14, .*, got a list of 1/],
  ['an unknown dtype', (json) => ({ ...json, provenance: { dtype: 'f16' } }), 'provenance.library', /got nothing/],
  ['an offset of three', (json) => ({ ...json, offsets: [[0, 1, 2]] }), 'offsets[0]', /expected \[start, end\]/],
  ['a nested setting', (json) => ({ ...json, settings: { a: [] } }), 'settings.a', /got a list of 0/],
  ['a fraction of a token', (json) => ({ ...json, targetToken: 1.5 }), 'targetToken', /expected an integer/],
]

for (const [name, change, path, message] of bad) {
  test(`${name} is an error that names the line and the field`, () => {
    const line = JSON.stringify(change(JSON.parse(toJsonLine(attribution(7)))))
    try {
      fromJsonLine(line, 12)
      assert.unreachable()
    } catch (error) {
      assert.instance(error, RecordError)
      assert.match((error as RecordError).message, message)
      assert.match((error as RecordError).message, /^fromJsonLine: line 12/)
      assert.is((error as RecordError).path, path)
      assert.is((error as RecordError).line, 12)
    }
  })
}

test('a line cut short is an error that names the line', () => {
  assert.throws(() => fromJsonLine(toJsonLine(attribution(7)).slice(0, 100), 3), /line 3: expected JSON \(/)
  assert.throws(() => fromJsonLine(''), /line 1: expected JSON/)
})

test('a key that this version does not know is passed over', () => {
  const record = attribution(7)
  assert.equal(fromJsonLine(toJsonLine(record).replace('{', '{"later":1,')), fromJsonLine(toJsonLine(record)))
})

test.run()
