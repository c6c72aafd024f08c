/** The command line: what each command is called and takes. Data on stdout, everything else on stderr. */
import { baselineNames, quadratureMethods, version } from '@antecedent/attribution'
import { conventions, documentFormats } from '@antecedent/coref'
import { allowFastVectors, OptionError } from '@antecedent/tensor'
import { Command, CommanderError, Option } from 'commander'
import { doctor } from './doctor.ts'
import { attention, attribute, encode, tokenize } from './encoder.ts'
import { evaluate } from './evaluate.ts'
import { explain } from './explain.ts'
import {
  count,
  exitCodes,
  positive,
  whole,
  withCommonOptions,
  withDeviceOptions,
  withFigureOptions,
  withModelOptions,
} from './options.ts'
import { resolve } from './resolve.ts'
import { score } from './score.ts'
import { train } from './train.ts'

const program = new Command('antecedent')
  .description('Explains how a BERT model reads a text.')
  .version(version)
  .exitOverride()
  .showHelpAfterError('(--help lists the commands and options)')

withFigureOptions(
  program
    .command('explain')
    .description("who is who in a text and why, and the paper's figures (default: the paper's sentence)"),
)
  .addOption(
    new Option('--n-steps <count>', "points of the paper's fixed rule, instead of a path cut at jumps").argParser(
      count,
    ),
  )
  .addOption(
    new Option(
      '--tolerance <share>',
      "error of a link's scores as a share of the largest, by 21 or 43 points (default: 0.05)",
    )
      .argParser(positive)
      .conflicts('nSteps'),
  )
  .addOption(
    new Option('--pronouns <count>', 'explain at most so many pronouns, and as many tokens in figure 3')
      .argParser(count)
      .default(10),
  )
  .action(explain)
withCommonOptions(program.command('tokenize').description('word pieces with ids and character offsets')).action(
  tokenize,
)
withCommonOptions(program.command('encode').description('the last hidden state of every token')).action(encode)
withFigureOptions(program.command('attribute').description('Layer Integrated Gradients of output tokens'))
  .option(
    '--target <token>',
    'a token or its index; repeatable',
    (target: string, all: string[]) => [...all, target],
    [],
  )
  .option('--reduce <how>', 'max, sum, mean, l2 or dim:J', 'max')
  .option('--site <name>', 'what to attribute to', 'embeddings')
  .option('--baseline <name>', baselineNames.join(', '), 'pad')
  .addOption(new Option('--n-steps <count>', 'points along the path (default: 50)').argParser(count))
  .addOption(new Option('--method <rule>', 'quadrature (default: gausslegendre)').choices(quadratureMethods))
  .addOption(
    new Option(
      '--tolerance <share>',
      '21 or 43 points, until the estimated error is below this share of the largest score (1e-3, say); with --reduce max the path is cut into pieces by the winning dimension',
    )
      .argParser(positive)
      .conflicts(['nSteps', 'method']),
  )
  .option('--internal-batch-size <count>', 'points per pass', count)
  .action(attribute)
withFigureOptions(program.command('attend').description('attention probabilities, and their norm over heads')).action(
  attention,
)

withModelOptions(program.command('resolve').description('who is who: entities and links of documents'))
  .argument('[files...]', 'files or folders of documents; - is standard input')
  .option('--text <text>', 'a text, instead of files')
  .addOption(new Option('--format <name>', 'of the files (default: by content and ending)').choices(documentFormats))
  .addOption(new Option('--json', 'a JSON object a document, each on a line').conflicts('to'))
  .option('--stages', "with --json: every stage's scores too")
  .addOption(new Option('--to <format>', 'write documents with what was found').choices(['conll', 'jsonlines']))
  .option('--html <file>', 'write a self-contained page with the documents, their entities marked')
  .option('--overwrite', 'replace a file that exists')
  .option('--quiet', 'no progress, no notices')
  .option('--no-color', 'no colours')
  .action(resolve)

program
  .command('score')
  .description('coreference metrics of a response against a key, by the rules of the official CoNLL scorer')
  .argument('<key>', 'a file whose last column is coreference, or a folder of such files (*conll, *.key, *.response)')
  .argument('<response>', 'the same; documents are looked up by name')
  .addOption(
    new Option('--convention <name>', 'how entities of one mention count').choices(conventions).default('official'),
  )
  .option('--json', 'data as JSON on standard output: per cent, with numerators and denominators')
  .option('--quiet', 'no notices')
  .option('--no-color', 'no colours')
  .action(score)

withModelOptions(
  program
    .command('evaluate')
    .description(
      'a coreference model on annotated documents; on WinoBias (pro against anti) and GAP where files are theirs',
    ),
)
  .argument('<files...>', 'files or folders of documents; those of WinoBias are known by their names')
  .addOption(new Option('--format <name>', 'of the files (default: by content and ending)').choices(documentFormats))
  .addOption(
    new Option('--convention <name>', 'how entities of one mention count').choices(conventions).default('official'),
  )
  .option('--drop-singletons', 'leave entities of one mention out of the key, as training does')
  .option('--resamples <count>', 'draws of the bootstrap and of the randomisation test (default: 10000)', count)
  .option('--seed <number>', 'of the draws (default: 0)', whole)
  .option('--json', 'data as JSON on standard output, in per cent')
  .option('--quiet', 'no progress, no notices')
  .option('--no-color', 'no colours')
  .action(evaluate)

withDeviceOptions(program.command('train').description('a coreference model from a configuration'))
  .argument('<config>', 'a JSON file: encoder, train and dev documents, settings (docs/training.md)')
  .option('--output <folder>', 'of metrics, checkpoint and best model (default: runs/ and the name of the file)')
  .option('--resume', 'go on from the checkpoint of the folder')
  .option('--half', 'store the best model in float16')
  .option('--json', 'the summary as JSON on standard output')
  .option('--quiet', 'no progress, no notices')
  .action(train)

program
  .command('doctor')
  .description('what this machine computes with, what would make it faster, and a one-second measurement')
  .option('--json', 'data as JSON on standard output')
  .action(doctor)

/** The exit code that an error stands for, after its one sentence is on stderr. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
  process.stderr.write(`antecedent: ${error instanceof Error ? error.message : String(error)}\n`)
  if (error instanceof Error && error.message.startsWith('internal:')) process.stderr.write(`${error.stack}\n`)
  return error instanceof OptionError ? exitCodes.usage : exitCodes.failure
}

allowFastVectors()
try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = report(error)
}
