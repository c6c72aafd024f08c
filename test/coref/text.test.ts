/** Raw text as documents: words and sentences with their places. */
import { readText, type Span, sentenceSpans, wordSpans } from '@antecedent/coref'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const test = suite('coref text')

const shown = (text: string, spans: readonly Span[]) => spans.map((span) => text.slice(...span))

test('raw text: words and sentences', () => {
  const cases: [string, string[]][] = [
    ["He didn't see the nurse's twenty-one dollars.", "He|did|n't|see|the|nurse|'s|twenty-one|dollars|.".split('|')],
    [
      'They’ll pay $3.50 -- "ok"... At 10:30 in the U.S. now',
      'They|’ll|pay|$|3.50|--|"|ok|"|...|At|10:30|in|the|U.S.|now'.split('|'),
    ],
    ["can't o'clock 'tis e.g. this", "ca|n't|o'clock|'|tis|e.g.|this".split('|')],
    ['東京 naïve 😀!', ['東', '京', 'naïve', '😀', '!']],
    ['', []],
    [' \n\t ', []],
  ]
  for (const [text, expected] of cases) assert.equal(shown(text, wordSpans(text)), expected)
  const text = 'Mr. Smith met Dr. J. Doe. He was\nlate.\n\nA title\n\n"Go!" she said. It rained.'
  assert.equal(
    shown(text, sentenceSpans(text))
      .map((sentence) => sentence.trim())
      .filter((sentence) => sentence !== ''),
    ['Mr. Smith met Dr. J. Doe.', 'He was\nlate.', 'A title', '"Go!" she said.', 'It rained.'],
  )
})

test('any text becomes a sound document whose words are its characters', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), fc.lorem({ mode: 'sentences' })),
      (text) => {
        const document = readText(text)
        let end = 0
        for (const [w, span] of document.offsets!.entries()) {
          assert.ok(span[0] >= end && span[1] > span[0])
          assert.is(text.slice(end, span[0]).trim(), '')
          assert.is(document.words[w], text.slice(...span))
          assert.not.match(document.words[w]!, /^\s|\s$/)
          end = span[1]
        }
        assert.is(text.slice(end).trim(), '')
        let last = 0
        for (const [from, to] of document.sentences) {
          assert.ok(from === last && to > from)
          last = to
        }
        assert.is(last, document.words.length)
      },
    ),
    { numRuns: 300 },
  )
})

test.run()
