/**
 * Fuzzes the safetensors reader and says how long it took.
 *
 *     node -C @antecedent/source --import tsx scripts/fuzz.ts [RUNS] [SEED]
 *
 * RUNS is 1,000,000 by default and SEED 1. Exit 1 at the first file that is read wrongly, 2 for wrong arguments.
 */
import { fuzzHeaders } from '../test/safetensors/fuzz.ts'

const [runs, seed] = [process.argv[2] ?? '1000000', process.argv[3] ?? '1'].map(Number) as [number, number]
if (!Number.isSafeInteger(runs) || runs < 1 || !Number.isSafeInteger(seed)) {
  console.error('fuzz: expected [RUNS] [SEED], two integers, the first above 0')
  process.exit(2)
}
const { accepted, refused, seconds, slowest } = fuzzHeaders(runs, seed)
const speed = Math.round(runs / seconds)
console.log(
  `${runs} files in ${seconds.toFixed(1)} s (${speed} a second, the slowest ${slowest.toFixed(1)} ms), seed ${seed}`,
)
console.log(`${accepted} read rightly, ${refused} refused with a FormatError`)
