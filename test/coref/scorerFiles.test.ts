/** The official scorer's rules: how files are read, which mentions count. */
import { align, type Cluster, parseScorerFile, type Span, scoreClusters, scoreFiles } from '@antecedent/coref'
import { FormatError } from 'safetensors-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const test = suite('coref scorer files')

const file = (...columns: string[]) =>
  `#begin document (a); part 000\n${columns.map((column, i) => `a\t0\t${i}\tw\t${column}\n`).join('')}\n#end document\n`
const clustersIn = (text: string) =>
  parseScorerFile(text)[0]!.entities.map((mentions) => mentions.map(({ span }) => span))

test('brackets may touch, with or without bars; (n+m) is discarded; empty columns hold nothing', () => {
  const spans = [[[0, 3]], [[0, 3]]]
  assert.equal(clustersIn(file('(1(3', '-', '3)1)')), spans)
  assert.equal(clustersIn(file('(1|(3', '_', '1)|3)')), spans)
  assert.equal(clustersIn(file('(7)(1+2)', '', '(2)(7)')), [
    [
      [0, 1],
      [2, 3],
    ],
    [[2, 3]],
  ])
})

test('mentions may nest in their own entity: the innermost ends first', () => {
  assert.equal(clustersIn(file('(1', '(1', '1)', '1)')), [
    [
      [1, 3],
      [0, 4],
    ],
  ])
})

test('carriage returns and blank lines do not count, lines without tabs are one field, tokens count over sentences', () => {
  const text = '#begin document x\r\nx a (1)\r\n   \r\n\r\nx b (1\r\nx c 1)\r\n#end document\r\n'
  assert.equal(clustersIn(text), [
    [
      [0, 1],
      [1, 3],
    ],
  ])
  assert.is(parseScorerFile(text)[0]!.name, 'x')
})

test('empty columns at the end are no columns; words with brackets in lines without tabs are no error', () => {
  assert.equal(clustersIn('#begin document x\nx\ta\t(1)\t\r\nx\tb\t(1)\t\t\n#end document\n'), [
    [
      [0, 1],
      [1, 2],
    ],
  ])
  assert.equal(clustersIn('#begin document x\nx ( -\nx :) (1)\n#end document\n'), [[[1, 2]]])
})

const failure = (text: string): FormatError => {
  try {
    parseScorerFile(text, { file: 'response.conll' })
  } catch (error) {
    assert.instance(error, FormatError)
    return error as FormatError
  }
  throw new Error('nothing was thrown')
}

test('errors name the file and the line', () => {
  const cases: [string, number, RegExp][] = [
    [file('-', '(4', '-'), 3, /end of the mention \(4/],
    [file('(4', '4)', '4)'), 4, /entity 4 that is open.*4\)/],
    [file('-', '(x)'), 3, /\(n\).*\(x\)/],
    ['#begin document a\na\t-\n', 1, /#end document/],
    ['#begin document a\n#begin document b\n', 2, /before the next/],
    ['#begin document a\n#end document\n#begin document a\n#end document\n', 3, /a again, as in line 1/],
    ['nothing\n', 1, /#begin document NAME/],
    ['', 1, /#begin document NAME/],
  ]
  for (const [text, line, message] of cases) {
    const error = failure(text)
    assert.equal([error.file, error.line], ['response.conll', line])
    assert.match(error.message, message)
  }
})

test('of a repeated mention of the key the first copy counts; copies of spurious ones all do', () => {
  const key: Cluster[] = [
    [
      [0, 1],
      [5, 6],
    ],
  ]
  const response: Cluster[] = [
    [
      [0, 1],
      [0, 1],
      [9, 10],
    ],
    [
      [9, 10],
      [0, 1],
    ],
    [
      [5, 6],
      [0, 1],
    ],
    [[0, 1]],
  ]
  const { response: entities, repeated, common } = align(key, response)
  assert.equal(
    entities.map(({ size }) => size),
    [2, 1, 1],
  )
  assert.equal([repeated.length, common], [4, 2])
})

test('more than ten repeated mentions are refused, with the line', () => {
  const key = file('(1)', '-')
  const times = (n: number) => file(Array.from({ length: n }, () => '(1)').join('|'), '-')
  const { scores, warnings } = scoreFiles({ text: key }, { text: times(11) })
  assert.is(scores.mentions.f1, 1)
  assert.match(warnings.join(), /repeated mentions of the response do not count \(line 2/)
  assert.throws(
    () => scoreFiles({ text: key }, { text: times(12), file: 'r' }),
    (error: FormatError) => error.file === 'r' && error.line === 2 && /at most 10/.test(error.message),
  )
  const span: Span = [0, 1]
  assert.throws(() => scoreClusters([{ key: [[span]], response: [new Array<Span>(12).fill(span)] }]), /at most 10/)
})

test('a repeated mention of the key is found in each of its entities, and told', () => {
  const { scores, warnings } = scoreFiles({ text: file('(1)(2)', '(1)', '(2)') }, { text: file('(1)', '(1)', '-') })
  assert.match(warnings.join(), /the key repeats mentions \(line 2\)/)
  assert.equal(scores.mentions.counts, {
    recall: { numerator: 2, denominator: 4 },
    precision: { numerator: 2, denominator: 2 },
  })
  // entity 1 is found whole, entity 2 with one mention of two
  assert.equal(scores.b3.counts.recall, { numerator: 2 + 1 / 2, denominator: 4 })
  assert.equal(scores.b3.counts.precision, { numerator: 2, denominator: 2 })
})

test('parts are numbers: part 0 is part 000, and not part 10', () => {
  const part = (text: string) => ({ text: file('(1)', '(1)').replace('part 000', text) })
  assert.is(scoreFiles(part('part 0'), part('part 000')).scores.muc.f1, 1)
  assert.equal(scoreFiles(part('part 0'), part('part 010')).missing, ['(a); part 0'])
})

test('documents are looked up by name: missing ones are empty, unknown ones do not count', () => {
  const document = (name: string, ...columns: string[]) => file(...columns).replace('(a); part 000', name)
  const key = { text: document('one', '(1)', '(1)') + document('two', '(1)', '(1)') }
  const response = { text: document('three', '(1)', '(1)') + document('two', '(8)', '(8)', '-') }
  const { scores, documents, missing, unknown, warnings } = scoreFiles(key, response)
  assert.equal([documents, missing, unknown], [['one', 'two'], ['one'], ['three']])
  assert.match(warnings.join(), /two: the key has 2 tokens, the response 3/)
  assert.equal(scores.mentions.counts, {
    recall: { numerator: 2, denominator: 4 },
    precision: { numerator: 2, denominator: 2 },
  })
})

test.run()
