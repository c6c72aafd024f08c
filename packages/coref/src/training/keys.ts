/** Random numbers of a training: each use of its seed has a key of its own. */
import { fold, type RandomKey, randomKey } from '@antecedent/tensor'

/** What keys are folded by, so that no two uses share numbers. */
const uses = { head: 0, order: 1, window: 2, dropout: 3, genre: 4, mask: 5, names: 6 } as const

/** The key of one use of a seed. */
export const keyFor = (seed: number, use: keyof typeof uses): RandomKey => fold(randomKey(seed), uses[use])

/** A number in [0, 1) of a key that nothing else uses. */
export const unit = ([word]: RandomKey): number => word / 2 ** 32
