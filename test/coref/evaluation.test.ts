/** A model judged: the numbers are those of its own answers, scored one by one. */
import { readdirSync, readFileSync } from 'node:fs'
import {
  evaluate,
  evaluationTable,
  evaluationToJson,
  type GapExample,
  gapAnswerOf,
  gapLinksOf,
  isMinimalPair,
  pairWinoBias,
  readConll,
  readGap,
  readText,
  readWinoBias,
  scoreClusters,
  winoBiasQuestions,
  winoBiasSetOf,
} from '@antecedent/coref'
import { useDevice } from '@antecedent/tensor'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { needsShared, shared } from '../support/shared.ts'
import { bracketed } from './sentences.ts'
import { tinyModel } from './tinyModel.ts'

const test = suite('coref evaluation')

await useDevice('ref')
const model = tinyModel({ topSpanRatio: 0.5 }, 1)
test.after(() => model.dispose())

const documents = [
  bracketed('[the nurse] called the doctor because [she] was late .', 'one'),
  bracketed('the doctor called because [he] was kind and [he] was late .', 'two'),
]
const clustersOf = async (document: (typeof documents)[number]) =>
  (await model.resolve(document)).clusters.map((mentions) => mentions.map(({ words }) => words))

test('scores are those of what the model resolves, document by document', async () => {
  const seen: number[][] = []
  const onProgress = (done: number, total: number) => void seen.push([done, total])
  const evaluation = await evaluate(model, { documents }, { onProgress })
  const pairs = await Promise.all(
    documents.map(async (document) => ({ key: document.clusters, response: await clustersOf(document) })),
  )
  assert.ok(
    pairs.some(({ response }) => response.length > 0),
    'the model finds something',
  )
  assert.equal(evaluation.scores, scoreClusters(pairs))
  assert.equal([evaluation.documents, evaluation.failed, evaluation.gap, evaluation.winoBias], [2, [], null, []])
  assert.equal(seen, [
    [1, 2],
    [2, 2],
  ])
  const alone = [...documents, bracketed('[the doctor] was kind .', 'three')] // an entity of one mention
  const python = await evaluate(model, { documents: alone }, { convention: 'coref-hoi' })
  const key = await Promise.all(
    alone.map(async (document) => ({ key: document.clusters, response: await clustersOf(document) })),
  )
  assert.equal(python.scores, scoreClusters(key, { convention: 'coref-hoi' }))
  assert.not.equal(python.scores, scoreClusters(key))
})

test('a document that fails is told, and counts as one in which nothing was found', async () => {
  const long = bracketed(`[she] saw [s${'s'.repeat(60)}] .`, 'long')
  const narrow = tinyModel({ maxSegmentLength: 2 })
  const evaluation = await evaluate(narrow, { documents: [long] })
  assert.equal([evaluation.documents, evaluation.failed.length], [1, 1])
  assert.is(evaluation.failed[0]!.document, 'long')
  assert.equal(evaluation.scores!.mentions.counts.recall, { numerator: 0, denominator: 2 })
  const { failed, conll } = evaluationToJson(evaluation)
  assert.match(failed[0]!.message, /pieces/)
  assert.is(conll, 0)
  narrow.dispose()
})

test('nothing to evaluate is an error', async () => {
  const message = await evaluate(model, {}).catch((error: Error) => error.message)
  assert.match(String(message), /evaluate: expected documents, got none/)
})

const sentences = (pronoun: string) =>
  [
    '[the nurse] called the physician because [he] was late .',
    'the nurse called [the physician] because [he] was kind .',
  ].map((text, i) => bracketed(text.replace('[he]', `[${pronoun}]`), String(i + 1)))
const winoBias = [
  { set: { split: 'dev', type: 2, version: 'pro', form: 'text' }, documents: sentences('she') },
  { set: { split: 'dev', type: 2, version: 'anti', form: 'text' }, documents: [...sentences('he')].reverse() },
] as const

test('WinoBias is reported by split and type, its versions paired by number', async () => {
  const evaluation = await evaluate(model, { winoBias }, { resamples: 200 })
  const [report] = evaluation.winoBias
  assert.equal([evaluation.winoBias.length, report!.split, report!.type, report!.sentences], [1, 'dev', 2, 2])
  assert.equal([report!.minimalPairs, report!.unpaired, evaluation.documents], [2, [], 4])
  const answers = async (version: 0 | 1) =>
    Promise.all(
      winoBias[version].documents.map(async (document) => ({
        key: document.clusters,
        response: await clustersOf(document),
      })),
    )
  assert.equal(report!.pro.scores, scoreClusters(await answers(0)))
  assert.ok(Math.abs(report!.anti.scores.conll.f1 - scoreClusters(await answers(1)).conll.f1) < 1e-12)
  assert.ok(report!.marginDifference !== null && report!.pro.links.pronouns === 2)
  const json = evaluationToJson(evaluation)
  assert.ok(Math.abs(json.winobias[0]!.average - 100 * report!.average) < 1e-9)
  assert.ok(Math.abs(json.winobias[0]!.pro.conll - 100 * report!.pro.scores.conll.f1) < 1e-9)
  assert.match(evaluationTable(evaluation), /WinoBias dev, type 2: 2 pairs, 2 of them minimal\n +CoNLL +exact/)
})

test('a version alone has scores and no report; a sentence alone is told', async () => {
  const alone = await evaluate(model, { winoBias: [winoBias[0]] }, { resamples: 10 })
  assert.equal([alone.winoBias, alone.documents], [[], 2])
  const short = { ...winoBias[1], documents: winoBias[1].documents.slice(0, 1) }
  const { winoBias: reports } = await evaluate(model, { winoBias: [winoBias[0], short] }, { resamples: 10 })
  assert.equal([reports[0]!.sentences, reports[0]!.unpaired], [1, ['1']])
  const more = { ...winoBias[1], documents: [...winoBias[1].documents, bracketed('[he] left .', '3')] }
  const { winoBias: others } = await evaluate(model, { winoBias: [winoBias[0], more] }, { resamples: 10 })
  assert.equal(others[0]!.unpaired, ['3'])
})

test('the forms of WinoBias are told apart', async () => {
  const conll = winoBias.map(({ set, documents }) => ({ set: { ...set, form: 'conll' as const }, documents }))
  const { winoBias: reports } = await evaluate(model, { winoBias: [...winoBias, ...conll] }, { resamples: 10 })
  assert.equal(
    reports.map(({ form, sentences }) => [form, sentences]),
    [
      ['text', 2],
      ['conll', 2],
    ],
  )
})

/** A row of GAP on a text in which each part occurs once. */
function row(id: string, text: string, pronoun: string, a: string, b: string, links: [boolean, boolean]): GapExample {
  const place = (part: string) => [text.indexOf(part), text.indexOf(part) + part.length] as const
  const document = readText(text, { id })
  const spans = { pronoun: place(pronoun), a: place(a), b: place(b) }
  return { id, text, ...spans, aCoref: links[0], bCoref: links[1], url: '', document }
}

test('a name is linked by its words or by its last one, where the pronoun is in the entity', () => {
  const text = 'Ann Lee met the singer Mary Poe and she left .'
  const example = row('1', text, 'she', 'Ann Lee', 'Mary Poe', [false, true])
  assert.equal(gapAnswerOf(example), { id: '1', pronoun: 'she', a: false, b: true })
  const she = [8, 9] as const
  const no = { a: false, b: false }
  assert.equal(gapLinksOf(example, [[[0, 2], she]]), { exact: { a: true, b: false }, head: { a: true, b: false } })
  assert.equal(gapLinksOf(example, [[[3, 7], she]]), { exact: no, head: { a: false, b: true } })
  assert.equal(
    gapLinksOf(example, [
      [
        [0, 2],
        [5, 7],
      ],
      [[3, 5], she],
    ]),
    { exact: no, head: no },
  )
  assert.equal(gapLinksOf(example, []), { exact: no, head: no })
})

test('names that the model found by their last word alone count by head, not exactly', async () => {
  const text = 'the nurse called the doctor because she was late .'
  const [entity] = await clustersOf(readText(text))
  const has = (start: number, end: number) => entity!.some((span) => span[0] === start && span[1] === end)
  assert.ok(has(1, 2) && has(4, 5) && has(6, 7) && !has(2, 5), 'the model links nurse, doctor and she')
  const gap = [row('1', text, 'she', 'nurse', 'called the doctor', [true, true])]
  const seen: [number, number][] = []
  const onProgress = (done: number, total: number) => void seen.push([done, total])
  const evaluation = await evaluate(model, { documents, gap }, { onProgress })
  assert.is(evaluation.gap!.exact.overall.recall, 1 / 2)
  assert.is(evaluation.gap!.head.overall.recall, 1)
  assert.equal(seen, [
    [1, 3],
    [2, 3],
    [3, 3],
  ])
})

test('GAP has a score of its own and no metrics', async () => {
  const gap = [
    row('1', 'the nurse called the doctor because she was late .', 'she', 'nurse', 'doctor', [true, false]),
    row('2', 'the nurse called the doctor because he was kind .', 'he', 'nurse', 'doctor', [false, false]),
  ]
  const evaluation = await evaluate(model, { gap })
  assert.equal([evaluation.documents, evaluation.scores, evaluation.gap!.rows], [0, null, 2])
  assert.is(evaluation.gap!.exact.overall.counts.recall.denominator, 1)
  const json = evaluationToJson(evaluation)
  assert.not.ok('conll' in json)
  assert.match(evaluationTable(evaluation), /^GAP: 2 rows\nname found by +F1 +masculine/)
})

test("WinoBias's files are known by their names", () => {
  assert.equal(winoBiasSetOf('data/anti_stereotyped_type2.txt.test'), {
    split: 'test',
    type: 2,
    version: 'anti',
    form: 'text',
  })
  const name = 'conll_format/dev_type1_pro_stereotype.v4_auto_conll'
  assert.equal(winoBiasSetOf(name), { split: 'dev', type: 1, version: 'pro', form: 'conll' })
  for (const other of [
    'pro_stereotyped_type3.txt.dev',
    'x_dev_type1_pro_stereotype.v4_auto_conll',
    'male_occupations.txt',
  ])
    assert.is(winoBiasSetOf(other), null)
})

/** Both versions of a type of a split, in either form. */
function wholeSet(split: 'dev' | 'test', type: 1 | 2, conll: boolean) {
  const folder = conll ? shared('data', 'winobias', 'conll_format') : shared('data', 'winobias')
  const read = (version: 'pro' | 'anti') => {
    const name = readdirSync(folder).find((file) => {
      const set = winoBiasSetOf(file)
      return set?.split === split && set.type === type && set.version === version
    })
    const text = readFileSync(`${folder}/${name}`, 'utf8')
    return (conll ? readConll(text, { file: name! }) : readWinoBias(text, { file: name! })).map((document) => ({
      document,
    }))
  }
  return pairWinoBias(read('pro'), read('anti'))
}

needsShared(test)('the corpus has the minimal pairs that were counted, and two occupations in every sentence', () => {
  const expected = { dev: { 1: [393, 384], 2: [387, 382] }, test: { 1: [391, 369], 2: [391, 386] } } as const
  for (const split of ['dev', 'test'] as const) {
    for (const type of [1, 2] as const) {
      const { pairs, unpaired } = wholeSet(split, type, false)
      const count = (options: { single?: boolean }) =>
        pairs.filter(({ pro, anti }) => isMinimalPair(pro.document, anti.document, options)).length
      assert.equal([pairs.length, unpaired], [396, []])
      assert.equal([count({}), count({ single: true })], expected[split][type])
      for (const { document } of pairs.flatMap(({ pro, anti }) => [pro, anti])) {
        const questions = winoBiasQuestions(document)
        assert.ok(questions.length === 1 || questions.length === 2, document.text)
        assert.ok(
          questions.every(({ distractor }) => distractor !== null),
          document.text,
        )
      }
    }
  }
})

needsShared(test)('the files in CoNLL form pair to the same sentences', () => {
  const text = wholeSet('dev', 1, false).pairs
  const { pairs, unpaired } = wholeSet('dev', 1, true)
  assert.equal([pairs.length, unpaired], [396, []])
  const wordsOf = (list: typeof text) =>
    new Map(
      list.map(({ pro }) => [Number(/\d+$/.exec(pro.document.id)![0]), pro.document.words.join('').toLowerCase()]),
    )
  const [asText, asConll] = [wordsOf(text), wordsOf(pairs)]
  const letters = (words: string | undefined) => words?.replaceAll(/[^a-z]/g, '')
  const equal = [...asConll].filter(([number, words]) => letters(words) === letters(asText.get(number + 1)))
  assert.ok(equal.length > 380, `${equal.length} of 396 have the same letters`)
})

needsShared(test)("GAP's gold answers score 1; the pronoun's gold entity links the names that it should", () => {
  const file = shared('data', 'gap', 'gap-validation.tsv')
  const rows = readGap(readFileSync(file, 'utf8'), { file })
  assert.is(rows.length, 454)
  let agree = 0
  for (const example of rows) {
    const { exact } = gapLinksOf(example, example.document.clusters)
    agree += Number(exact.a === example.aCoref && exact.b === example.bCoref)
  }
  assert.is(agree, 454)
})

test.run()
