/** Every operation, by name, and every public function on tensors. */
import type { Op } from '../op.ts'
import { dropoutOps } from '../random/dropout.ts'
import { arithmeticOps } from './arithmetic.ts'
import { attentionOps } from './attention.ts'
import { castOps } from './cast.ts'
import { compareOps } from './compare.ts'
import { indexOps } from './gather.ts'
import { matmulOps } from './matmul.ts'
import { movementOps } from './movement.ts'
import { normOps } from './norm.ts'
import { orderOps } from './order.ts'
import { reduceOps } from './reduce.ts'
import { scanOps } from './scan.ts'
import { selectOps } from './select.ts'
import { softmaxOps } from './softmax.ts'
import { unaryOps } from './unary.ts'

/** The table of operations: what tests, benchmarks and backends go through. */
export const ops = {
  ...arithmeticOps,
  ...attentionOps,
  ...castOps,
  ...compareOps,
  ...dropoutOps,
  ...indexOps,
  ...matmulOps,
  ...movementOps,
  ...normOps,
  ...orderOps,
  ...reduceOps,
  ...scanOps,
  ...selectOps,
  ...softmaxOps,
  ...unaryOps,
} satisfies Record<string, Op>

export type OpName = keyof typeof ops
