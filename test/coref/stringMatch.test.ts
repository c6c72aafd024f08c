/** What two spans have in common as strings: by words, in both segmentations, and in the ranking of antecedents. */
import { stringMatches } from '@antecedent/coref'
import { useDevice } from '@antecedent/tensor'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { stringMatcher } from '../../packages/coref/src/model/stringMatch.ts'
import { tinyModel, tinyPieces } from './tinyModel.ts'

await useDevice('ref') // f64

const test = suite('equal strings')
const pieces = tinyPieces([13, 9, 12])

test('strings: all words, the last, those of one among the other, by words and not by pieces', () => {
  const model = tinyModel()
  const text = 'the kind nurse . the nurse . nurses . the nurse was late . a doctor and the nurse . kind nurse the'
  const { pieces: own, document } = model.read(text)
  const spanOf = (words: string, from = 0): [number, number] => {
    const list = words.split(' ')
    const at = document.words.findIndex((_, w) => w >= from && list.every((word, i) => document.words[w + i] === word))
    const inside = own.subtokenMap.flatMap((w, t) =>
      w >= at && w < at + list.length && own.segments.flat()[t]! > 4 ? [t] : [],
    )
    return [inside[0]!, inside.at(-1)! + 1]
  }
  const expected: [a: string, b: string, fromOf: number, match: string][] = [
    ['the nurse', 'the nurse', 7, 'all'],
    ['the kind nurse', 'the nurse', 0, 'words and last'],
    ['nurse', 'the kind nurse', 0, 'words and last'],
    ['nurses', 'nurse', 0, 'none'],
    ['the nurse was late', 'the nurse', 0, 'words'],
    ['the kind nurse', 'doctor and the nurse', 0, 'last'],
    ['the kind nurse', 'kind nurse the', 0, 'words'],
    ['late', 'doctor', 0, 'none'],
  ]
  for (const [a, b, from, match] of expected) {
    const sorted = [spanOf(a), spanOf(b, from)]
    const spans = {
      starts: Int32Array.from(sorted, ([start]) => start),
      ends: Int32Array.from(sorted, ([, end]) => end),
    }
    const matcher = stringMatcher(own, spans)
    assert.is(stringMatches[matcher(0, 1)], match, `${a} | ${b}`)
    assert.is(stringMatches[matcher(1, 0)], match, `${b} | ${a}`)
  }
})

test('what strings have in common is the same in overlapping segments, and pruning ranks by it', async () => {
  const text = 'the nurse called the doctor because she was late and the nurse was kind .'
  const matches = async (overlap: boolean) => {
    const model = tinyModel({
      useStringMatch: true,
      overlap,
      maxSegmentLength: 30,
      maxTopAntecedents: 99,
      topSpanRatio: 3,
    })
    const record = await model.score(text)
    // the number of pieces tells a span from one with a special piece, which only independent segments have
    const words = record.spans.words.map(([start, end], i) => {
      const [first, last] = record.spans.pieces[i]!
      return `${start} ${end} ${last - first}`
    })
    const pairs = record.antecedents.flatMap((own, i) =>
      own.map((j, c) => [`${words[i]} | ${words[j]}`, record.features.stringMatch![i]![c]] as const),
    )
    return new Map(pairs)
  }
  const [plain, overlapping] = [await matches(false), await matches(true)]
  const shared = [...plain].filter(([pair]) => overlapping.has(pair))
  assert.ok(shared.length > 20)
  for (const [pair, match] of shared) assert.is(overlapping.get(pair), match, pair)
  assert.ok(new Set(shared.map(([, match]) => match)).size > 2)
  const model = tinyModel({ useStringMatch: true, maxTopAntecedents: 1 })
  const { antecedents, coarse } = await model.score(pieces)
  const all = await tinyModel({ useStringMatch: true, maxTopAntecedents: 99 }).score(pieces)
  assert.ok(coarse.strings!.flat().some((x) => x !== 0))
  for (const [i, [best]] of antecedents.entries()) {
    if (best === undefined) continue
    assert.is(all.coarse.scores[i]!.indexOf(Math.max(...all.coarse.scores[i]!)), all.antecedents[i]!.indexOf(best))
  }
})

test.run()
