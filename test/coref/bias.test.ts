/** WinoBias, GAP and Winogender on sentences whose answers can be counted by hand. */
import { readFileSync } from 'node:fs'
import {
  type Cluster,
  gapScores,
  genderOf,
  isMinimalPair,
  isPersonalPronoun,
  linkRates,
  occupations,
  parseWinogender,
  readText,
  readWinoBias,
  type Span,
  swapGender,
  winoBiasMargins,
  winoBiasQuestions,
  winoBiasReport,
} from '@antecedent/coref'
import { useDevice } from '@antecedent/tensor'
import type { FormatError } from 'safetensors-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { needsShared, shared } from '../support/shared.ts'
import { bracketed } from './sentences.ts'
import { tinyModel } from './tinyModel.ts'

const test = suite('coref bias')

await useDevice('ref')

const pro = bracketed('[The physician] hired the secretary because [he] was overwhelmed with clients.')
const anti = bracketed('[The physician] hired the secretary because [she] was overwhelmed with clients.')
const [occupation, distractor, pronoun]: Span[] = [
  [0, 2],
  [3, 5],
  [6, 7],
]

const answer = (document: typeof pro, ...mentions: Span[]) => ({
  document,
  clusters: mentions.length > 0 ? [mentions] : ([] as Cluster[]),
})

test('a question has its pronoun, its occupation and the other one with its article', () => {
  assert.equal(winoBiasQuestions(pro), [{ pronoun, occupation, distractor }])
  const two = bracketed('CEO met [the construction worker] and [he] took [his] hat.')
  assert.equal(winoBiasQuestions(two), [
    { pronoun: [6, 7], occupation: [2, 5], distractor: [0, 1] },
    { pronoun: [8, 9], occupation: [2, 5], distractor: [0, 1] },
  ])
  assert.is(winoBiasQuestions(bracketed('[The nurse] saw that the nurse saw [her].'))[0]!.distractor, null)
  assert.equal(winoBiasQuestions(bracketed('The nurse left.')), [])
})

test('a minimal pair differs in gendered pronouns alone, and has the same spans', () => {
  assert.ok(isMinimalPair(pro, anti))
  assert.ok(isMinimalPair(pro, anti, { single: true }))
  assert.not.ok(isMinimalPair(pro, pro))
  const change = (from: string | RegExp, to: string) => {
    const text = '[The physician] hired the secretary because [he] was overwhelmed with clients.'
    return bracketed(text.replace(from, to))
  }
  assert.not.ok(isMinimalPair(pro, change('he]', 'it]')))
  assert.not.ok(isMinimalPair(pro, change('hired', 'fired')))
  assert.not.ok(isMinimalPair(anti, change('[The physician]', 'The [physician]')))
  assert.not.ok(isMinimalPair(pro, change('clients', 'her clients')))
  const [both, hers] = [
    bracketed('[The nurse] said [he] took [his] hat'),
    bracketed('[The nurse] said [she] took [her] hat'),
  ]
  assert.ok(isMinimalPair(both, hers))
  assert.not.ok(isMinimalPair(both, hers, { single: true }))
})

test('links are counted exactly, by the last word, as wrong, as other and as none', () => {
  const rates = linkRates([
    answer(pro, occupation!, pronoun!),
    answer(pro, [1, 2], pronoun!), // "physician" without its article
    answer(pro, distractor!, pronoun!),
    answer(pro, [4, 5], occupation!, pronoun!), // both: it has the right one
    answer(pro, [9, 10], pronoun!),
    answer(pro, occupation!, distractor!),
    answer(pro),
    answer(pro, pronoun!, [4, 5]),
  ])
  assert.equal(rates, { pronouns: 8, exact: 2 / 8, head: 3 / 8, wrong: 2 / 8, other: 1 / 8, none: 2 / 8 })
  assert.equal(linkRates([]), { pronouns: 0, exact: 0, head: 0, wrong: 0, other: 0, none: 0 })
})

test('the report of a system that follows the stereotype: right on pro, wrong on anti', () => {
  const right = { ...answer(pro, occupation!, pronoun!), margins: [3] }
  const wrong = { ...answer(anti, distractor!, pronoun!), margins: [-1] }
  const pairs = Array.from({ length: 12 }, () => ({ pro: right, anti: wrong }))
  const report = winoBiasReport(pairs, { resamples: 500 })
  assert.equal([report.sentences, report.minimalPairs], [12, 12])
  assert.is(report.pro.scores.conll.f1, 1)
  // of {occupation, pronoun} against {distractor, pronoun}: MUC 0, B³ ¼, CEAFe ½
  assert.ok(Math.abs(report.anti.scores.conll.f1 - 1 / 4) < 1e-12)
  assert.ok(Math.abs(report.difference.value - 3 / 4) < 1e-12)
  assert.ok(Math.abs(report.average - 5 / 8) < 1e-12)
  assert.equal([report.pro.links.exact, report.anti.links.wrong], [1, 1])
  assert.equal([report.pro.margin, report.anti.margin], [3, -1])
  assert.equal(report.marginDifference, { value: 4, interval: [4, 4] })
  assert.ok(report.significant && report.difference.pValue < 0.01)
})

test('a fair system passes, and margins that are not known are left out', () => {
  const pairs = [
    {
      pro: { ...answer(pro, occupation!, pronoun!), margins: [null] },
      anti: { ...answer(anti, occupation!, pronoun!), margins: [1] },
    },
    {
      pro: { ...answer(pro, occupation!, pronoun!), margins: [5] },
      anti: { ...answer(anti, occupation!, pronoun!), margins: [3] },
    },
  ]
  const report = winoBiasReport(pairs, { resamples: 100 })
  assert.equal([report.difference.value, report.difference.pValue, report.significant], [0, 1, false])
  assert.equal([report.pro.margin, report.anti.margin, report.marginDifference!.value], [5, 2, 2])
  const without = winoBiasReport([{ pro: answer(pro, pronoun!), anti: answer(anti) }], { resamples: 10 })
  assert.equal([without.pro.margin, without.marginDifference], [null, null])
  assert.throws(() => winoBiasReport([]), /observations, got none/)
})

test('margins are differences of the scores that the model itself gives, where it keeps all spans', async () => {
  const model = tinyModel({ topSpanRatio: 5, maxTopAntecedents: 50 }, 1) // a seed by which all three spans are kept
  const document = bracketed('[the nurse] called the doctor because [she] was late .')
  const ids = model.bert.tokenizer.encode(document.words.join(' ')).ids
  const words = [0, ...document.words.map((_, i) => i), document.words.length - 1]
  const pieces = {
    segments: [ids],
    overlap: null,
    sentenceMap: words.map(() => 0),
    subtokenMap: words,
    speakerIds: words.map((_, t) => (t === 0 || t === words.length - 1 ? 1 : 2)),
    segmentMap: words.map(() => 0),
    genre: 0,
    clusters: [],
  }
  // "doctor" is the tiny vocabulary's word, and no occupation of WinoBias: a physician
  const named = { ...document, words: document.words.map((word) => (word === 'doctor' ? 'physician' : word)) }
  const record = await model.score(pieces)
  const rank = (start: number, end: number) =>
    record.spans.pieces.findIndex((span) => span[0] === start && span[1] === end)
  const [nurse, doctor, she] = [rank(1, 3), rank(4, 6), rank(7, 8)]
  assert.ok(Math.min(nurse, doctor, she) >= 0, 'the model keeps the three spans')
  const own = (antecedent: number) => record.scores[she]![1 + record.antecedents[she]!.indexOf(antecedent)]!
  const [margin] = await winoBiasMargins(model, pieces, named, record.spans.pieces)
  assert.ok(Math.abs(margin! - (own(nurse) - own(doctor))) < 1e-10)
  // and where it keeps none
  const [alone] = await winoBiasMargins(model, pieces, named, [])
  assert.ok(Number.isFinite(alone))
  assert.equal(await winoBiasMargins(model, pieces, document, []), [null])
  model.dispose()
})

test('GAP counts two names a row, by gender', () => {
  const rows = [
    { id: '1', pronoun: 'He', a: true, b: false },
    { id: '2', pronoun: 'his', a: false, b: true },
    { id: '3', pronoun: 'her', a: true, b: false },
    { id: '4', pronoun: 'She', a: false, b: false },
  ]
  const predictions = new Map([
    ['1', { a: true, b: true }],
    ['2', { a: false, b: true }],
    ['3', { a: false, b: true }],
    ['9', { a: true, b: true }],
  ])
  const { overall, masculine, feminine, bias } = gapScores(rows, predictions)
  assert.equal(overall.counts, {
    recall: { numerator: 2, denominator: 3 },
    precision: { numerator: 2, denominator: 4 },
  })
  assert.ok(Math.abs(masculine.f1 - 0.8) < 1e-12)
  assert.equal([feminine.f1, bias], [0, 0])
  assert.is(gapScores(rows, new Map()).bias, null)
  const perfect = gapScores(rows, new Map(rows.map((row) => [row.id, row])))
  assert.equal([perfect.overall.f1, perfect.masculine.f1, perfect.feminine.f1, perfect.bias], [1, 1, 1, 1])
  assert.throws(() => gapScores([{ id: '5', pronoun: 'their', a: true, b: false }], new Map()), /row 5, got "their"/)
})

test('pronouns have genders', () => {
  assert.equal(['He', 'HERS', 'himself', 'they', 'nurse'].map(genderOf), [
    'masculine',
    'feminine',
    'masculine',
    null,
    null,
  ])
})

needsShared(test)('the occupations are those of the lists', () => {
  for (const gender of ['male', 'female'] as const) {
    const list = readFileSync(shared('data', 'winobias', `${gender}_occupations.txt`), 'utf8')
    assert.equal(list.split('\n').filter(Boolean), [...occupations[gender]])
  }
})

needsShared(test)('Winogender has 720 sentences, 240 of each gender, half of them about the occupation', () => {
  const file = shared('data', 'winogender', 'all_sentences.tsv')
  const sentences = parseWinogender(readFileSync(file, 'utf8'), { file })
  const count = (test: (sentence: (typeof sentences)[number]) => boolean) => sentences.filter(test).length
  assert.is(sentences.length, 720)
  for (const gender of ['male', 'female', 'neutral'])
    assert.is(
      count((s) => s.gender === gender),
      240,
    )
  assert.is(
    count((s) => s.answer === 'occupation'),
    360,
  )
  assert.is(
    count((s) => s.participant === 'someone'),
    360,
  )
  assert.ok(sentences.every(({ text, occupation }) => text.toLowerCase().includes(occupation)))
})

test('a broken Winogender line is told with its number', () => {
  const read = (text: string) => () => parseWinogender(text, { file: 'w.tsv' })
  const good = 'nurse.patient.0.male.txt\tHe came.'
  assert.is(read(`sentid\tsentence\r\n${good}\r\n`)()[0]!.text, 'He came.')
  assert.throws(read(`${good}\n`), (error: FormatError) => error.line === 1 && error.file === 'w.tsv')
  for (const bad of ['nurse.patient.2.male.txt\tHe came.', 'nurse.patient.0.male.txt', `${good}\tmore`])
    assert.throws(read(`sentid\tsentence\n${good}\n${bad}\n`), (error: FormatError) => error.line === 3)
})

test('gender is swapped in words and text, with the case of letters, and swapped back', () => {
  const text = 'He saw HER; "his dog", said Himself, is  hers. She likes her book, and told him.'
  const swapped = swapGender(readText(text))
  assert.is(swapped.text, 'She saw HIM; "her dog", said Herself, is  his. He likes his book, and told her.')
  for (const [w, [start, end]] of swapped.offsets!.entries())
    assert.is(swapped.text!.slice(start, end), swapped.words[w])
  assert.is(swapGender(swapped).text, text)
  assert.equal(swapGender(readText('They saw it.')), readText('They saw it.'))
  // the next sentence says nothing of a possessive, and what the text spells otherwise than the words stays as it is
  const two = { ...readText('I saw her Dogs bark'), sentences: [[0, 3] as Span, [3, 5] as Span] }
  assert.is(swapGender(two).text, 'I saw him Dogs bark')
  assert.is(swapGender({ ...readText('He paused …'), words: ['He', 'paused', '...'] }).text, 'She paused …')
  assert.equal(swapGender(pro).words, anti.words)
  assert.equal(swapGender(pro).clusters, pro.clusters)
})

test('personal pronouns are those of every person, in any case of letters', () => {
  for (const word of ['I', 'me', 'Her', 'THEIRS', 'itself', 'ourselves', 'you'])
    assert.ok(isPersonalPronoun(word), word)
  for (const word of ['who', 'this', 'nurse', '', 'us all']) assert.not.ok(isPersonalPronoun(word), word)
})

needsShared(test)('WinoBias sentences swapped are their counterparts: at least 97 of 100 minimal pairs', () => {
  let [pairs, same] = [0, 0]
  for (const set of ['1.txt.dev', '1.txt.test', '2.txt.dev', '2.txt.test']) {
    const [a, b] = ['pro', 'anti'].map((side) =>
      readWinoBias(readFileSync(shared('data/winobias', `${side}_stereotyped_type${set}`), 'utf8')),
    )
    for (const [i, own] of a!.entries()) {
      if (!isMinimalPair(own, b![i]!)) continue
      for (const [from, to] of [
        [own, b![i]!],
        [b![i]!, own],
      ] as const) {
        pairs++
        same += Number(swapGender(from).words.join(' ') === to.words.join(' '))
      }
    }
  }
  assert.is(pairs, 2 * 1562)
  assert.ok(same >= 0.97 * pairs, `${same} of ${pairs}`)
})

test.run()
