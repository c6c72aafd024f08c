/** `explain` with a coreference model: links, their reasons, and the same with the pronouns' gender exchanged. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AttributionRecord, signed } from '@antecedent/attribution'
import { CorefModel } from '@antecedent/coref/node'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { tinyModel } from '../coref/tinyModel.ts'
import { runCommand } from './run.ts'

const test = suite('explain with a coreference model')
const folder = mkdtempSync(join(tmpdir(), 'antecedent-explain-'))
test.after(() => rmSync(folder, { recursive: true }))

// so large a share of spans is kept that every pronoun is among them
const model = new CorefModel(tinyModel({ topSpanRatio: 3 }, 3, 'f32'))
await model.save(join(folder, 'model'))

const run = (args: string[]) =>
  runCommand(folder, ['explain', '--model', 'model', '--device', 'wasm', '--n-steps', '20', ...args])
const text = 'The nurse called the doctor because she was late. He was kind.'
const swappedText = 'The nurse called the doctor because he was late. She was kind.'

interface Weighed {
  antecedent: { text: string; words: number[] } | null
  score: number
  probability: number
}
interface Decision {
  text: string
  choices: Weighed[]
  entityProbability: number | null
  attributions: { logProbability: AttributionRecord; margin: AttributionRecord } | null
}

test('--json has the links of both texts, and attributions of what the model weighed', async () => {
  const { code, out, err } = run([text, '--json'])
  assert.is(code, 0, err)
  const { resolution, swapped, attributions, attention } = JSON.parse(out)
  const plain = (value: unknown) => JSON.parse(JSON.stringify(value))
  const near = (a: number, b: number, what: string) => assert.ok(Math.abs(a - b) < 1e-4, `${what}: ${a}, expected ${b}`)
  assert.is(attributions.length > 0, true)
  assert.is(attention.attentions.length, 2)
  assert.is(swapped.text, swappedText)
  for (const side of [resolution, swapped]) {
    const expected = await model.resolve(side.text)
    assert.equal(side.clusters, plain(expected.clusters))
    const decisions: Decision[] = side.decisions
    assert.equal(
      decisions.map((decision) => decision.text.toLowerCase()),
      side === resolution ? ['she', 'he'] : ['he', 'she'],
    )
    for (const { text: pronoun, choices, entityProbability, attributions } of decisions) {
      const [best, second] = choices
      near(
        choices.reduce((sum, { probability }) => sum + probability, 0),
        1,
        'probabilities',
      )
      const link = expected.links.find(({ mention }) => mention.text === pronoun)
      assert.is(best!.antecedent?.text, link?.antecedent.text)
      const places = expected.clusters.map((mentions) => mentions.map(({ words }) => words.join()))
      const members = places.find((own) => own.includes(link?.mention.words.join() ?? '')) ?? []
      const together = choices
        .filter(({ antecedent }) => members.includes(antecedent?.words.join() ?? ''))
        .reduce((sum, { probability }) => sum + probability, 0)
      near(entityProbability ?? 0, together, 'probability of the entity')
      near(attributions!.logProbability.fx, Math.log(best!.probability), 'log-probability')
      near(attributions!.margin.fx, best!.score - second!.score, 'margin')
      for (const record of Object.values(attributions!)) {
        assert.is(record.tokens[record.targetToken!], pronoun.toLowerCase())
        assert.match(record.target, `"${pronoun}"`)
      }
    }
  }
})

test('the terminal shows both sides: links, probabilities, words with their scores, completeness', () => {
  const { code, out, err } = run([text])
  assert.is(code, 0, err)
  assert.match(out, /the gender of its pronouns exchanged:/)
  assert.match(out, /^"she" → .*\n"he" → .*\n {2}probability of +she +he$/m)
  assert.match(out, /^ {2}because +[+−0]\S* +[+−0]\S*$/m)
  assert.match(out, /^ {2}she \/ he +[+−0]\S* +[+−0]\S*$/m)
  assert.match(out, /^ {2}completeness error +\S+ +\S+$/m)
  assert.ok(out.split('\n').every((line) => line.length <= 100))
  assert.match(run(['She was kind.', '--quiet']).out, /"She" → no antecedent/)
  assert.match(run([text, '--pronouns', '1']).err, /the first 1 of 2 pronouns \(--pronouns 2/)
})

test("the terminal's scores of words are those of their tokens in the records", () => {
  const { resolution, swapped } = JSON.parse(run([text, '--pronouns', '1', '--json']).out)
  const { out } = run([text, '--pronouns', '1', '--quiet'])
  for (const [kind, table] of [
    ['logProbability', 0],
    ['margin', 1],
  ] as const) {
    const records = [resolution, swapped].map((side) => (side.decisions[0] as Decision).attributions![kind])
    for (const word of ['because', 'late', 'called']) {
      const cells = records.map(({ tokens, scores }) => signed(scores[tokens.indexOf(word)]!))
      const row = out.split('\n').filter((line) => new RegExp(`^ {2}${word} +[+−]`).test(line))[table]!
      assert.equal(row.trim().split(/\s+/), [word, ...cells])
    }
  }
})

test('a large error is a warning; of a long text the strongest words are shown; a pruned pronoun is told', async () => {
  const one = run([text, '--pronouns', '1', '--quiet'])
  const { decisions } = JSON.parse(run([text, '--pronouns', '1', '--json']).out).resolution
  const warnings: string[] = decisions[0].attributions.margin.warnings
  const told = one.out.replace(/\s+/g, ' ')
  for (const warning of warnings) assert.ok(told.includes(`warning, "she": ${warning}`), warning)
  const coarse = run([text, '--pronouns', '1', '--n-steps', '1', '--quiet'])
  assert.match(coarse.out, /^ {2}warning, "she": the completeness error is/m)
  const long = run([`${text} ${'The nurse called the doctor. '.repeat(5)}`, '--pronouns', '1', '--quiet'])
  assert.match(long.out, /… and 12 weaker words/)
  await new CorefModel(tinyModel({ topSpanRatio: 0.01 }, 3, 'f32')).save(join(folder, 'few'))
  const few = runCommand(folder, ['explain', '--model', 'few', '--device', 'wasm', '--n-steps', '1', text])
  assert.is(few.code, 0, few.err)
  assert.match(few.out, /^"she" is not among the spans that the model kept$/m)
})

test('the report has sides, decisions and figures; one without gendered pronouns has one side', () => {
  assert.is(run([text, '--html', 'both.html']).code, 0)
  const page = readFileSync(join(folder, 'both.html'), 'utf8')
  for (const part of ['Who is who', 'As written', 'Gender of the pronouns exchanged', 'Figure 1', 'Figure 3'])
    assert.match(page, part)
  assert.is(page.match(/class="decision"/g)?.length, 2)
  assert.is(page.match(/id="scale-captum"/g)?.length, 1)
  assert.not.match(page, /(?:src|href)="(?!data:|#)/)
  const { out } = run(['The nurse was late and they called.', '--html', 'one.html'])
  assert.not.match(out, 'exchanged')
  assert.not.match(readFileSync(join(folder, 'one.html'), 'utf8'), 'As written')
})

test('a text beyond the positions is resolved without figures', () => {
  const { code, err } = run([`${text} ${'The nurse called the doctor. '.repeat(8)}`, '--pronouns', '1'])
  assert.is(code, 0, err)
  assert.match(err, /no figures: the text has more than 40 tokens/)
  assert.not.match(readFileSync(join(folder, 'antecedent-report.html'), 'utf8'), 'Figure 1')
})

test('hostile text is shown, not run', () => {
  assert.is(run(['The nurse <script>alert(1)</script> \u001b[31mcalled because she was late.', '--quiet']).code, 0)
  const page = readFileSync(join(folder, 'antecedent-report.html'), 'utf8')
  assert.not.match(page, '<script>alert')
  assert.ok(!page.includes('\u001b'))
})

test.run()
