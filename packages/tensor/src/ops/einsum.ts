/** Einstein's summation convention, by way of matrix products. */
import { ShapeError, show } from '../errors.ts'
import { broadcastShapes, sizeOf } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { diagonal } from './arrange.ts'
import { matmul } from './matmul.ts'
import { expand, permute, reshape } from './movement.ts'
import { sum } from './reduce.ts'

/** An operand whose axes have names: letters, and for those of an ellipsis their count from its end. */
interface Named {
  x: Tensor
  labels: string[]
}

const fail = (expected: string, got: string): ShapeError => new ShapeError({ op: 'einsum', expected, got })

/** The labels of a term for a tensor of some rank; an ellipsis stands for the axes that no letter names. */
function labelsOf(term: string, rank: number): string[] {
  if (!/^[a-z]*(\.\.\.)?[a-z]*$/.test(term)) throw fail("terms of letters a–z and one '...'", `'${term}'`)
  const [before, after] = term.split('...') as [string, string?]
  const hidden = rank - before.length - (after?.length ?? 0)
  if (hidden < 0 || (after === undefined && hidden > 0)) throw fail(`a tensor for '${term}'`, `one of rank ${rank}`)
  return [...before, ...Array.from({ length: hidden }, (_, i) => `…${hidden - i}`), ...(after ?? '')]
}

/** A letter that occurs twice in one operand stands for a diagonal. */
function takeDiagonals({ x, labels }: Named): Named {
  const twice = labels.find((label, i) => labels.indexOf(label) !== i)
  if (twice === undefined) return { x, labels }
  const [axis0, axis1] = [labels.indexOf(twice), labels.lastIndexOf(twice)]
  if (x.shape[axis0] !== x.shape[axis1]) throw fail(`axes '${twice}' of equal size`, show(x.shape))
  const rest = labels.filter((_, i) => i !== axis0 && i !== axis1)
  return takeDiagonals({ x: diagonal(x, { axis0, axis1 }), labels: [...rest, twice] })
}

const sizesOf = ({ x, labels }: Named, of: readonly string[]): number[] =>
  of.map((label) => x.shape[labels.indexOf(label)]!)

const inOrder = ({ x, labels }: Named, order: readonly string[]): Tensor =>
  permute(
    x,
    order.map((label) => labels.indexOf(label)),
  )

/** Sums over the labels that nobody asks for. */
function sumOut({ x, labels }: Named, keep: (label: string) => boolean): Named {
  const gone = labels.flatMap((label, i) => (keep(label) ? [] : [i]))
  return gone.length === 0 ? { x, labels } : { x: sum(x, gone), labels: labels.filter(keep) }
}

/** One matrix product: shared labels that are wanted later are its batch, the other shared ones its inner axis. */
function contract(first: Named, second: Named, wanted: ReadonlySet<string>): Named {
  const a = sumOut(first, (label) => wanted.has(label) || second.labels.includes(label))
  const b = sumOut(second, (label) => wanted.has(label) || first.labels.includes(label))
  const shared = a.labels.filter((label) => b.labels.includes(label))
  const batch = shared.filter((label) => wanted.has(label))
  const inner = shared.filter((label) => !wanted.has(label))
  const rows = a.labels.filter((label) => !shared.includes(label))
  const columns = b.labels.filter((label) => !shared.includes(label))
  const lead = sizesOf(a, batch)
  const [m, k, n] = [sizesOf(a, rows), sizesOf(a, inner), sizesOf(b, columns)]
  const left = reshape(inOrder(a, [...batch, ...rows, ...inner]), [...lead, sizeOf(m), sizeOf(k)])
  const right = reshape(inOrder(b, [...batch, ...inner, ...columns]), [...lead, sizeOf(k), sizeOf(n)])
  return { x: reshape(matmul(left, right), [...lead, ...m, ...n]), labels: [...batch, ...rows, ...columns] }
}

/** Without `->`: the ellipsis, then the letters that occur once, in alphabetical order. */
function impliedOutput(terms: readonly string[]): string {
  const letters = [...terms.join('').replaceAll('.', '')]
  const once = letters.filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter)).sort()
  return (terms.some((term) => term.includes('...')) ? '...' : '') + once.join('')
}

/** Stretches the ellipsis axes of all operands to their common sizes, and checks that letters agree on theirs. */
function align(operands: readonly Named[]): Named[] {
  const hidden = operands.map(({ x, labels }) => x.shape.filter((_, i) => labels[i]!.startsWith('…')))
  const common = broadcastShapes('einsum', ...hidden)
  const sizes = new Map(common.map((n, i) => [`…${common.length - i}`, n]))
  return operands.map(({ x, labels }) => {
    for (const [i, label] of labels.entries()) {
      const n = sizes.get(label) ?? x.shape[i]!
      sizes.set(label, n)
      if (!label.startsWith('…') && n !== x.shape[i]) throw fail(`one size for '${label}'`, `${n} and ${x.shape[i]}`)
    }
    const shape = labels.map((label) => sizes.get(label)!)
    return { x: expand(x, shape), labels }
  })
}

/**
 * Products of operands, summed over the letters that the output does not name.
 *
 * @example einsum('bhld,bhsd->bhls', q, k)     // scores of attention
 * @param equation  lower-case letters, `...` for axes that broadcast, spaces ignored. A letter twice in one operand is
 *   its diagonal. Without `->` the output is the ellipsis, then the letters that occur once, in alphabetical order
 * @returns products of two or more operands are computed as `matmul` does, from left to right; integers as `f32`
 * @throws {ShapeError} where operands do not fit the equation
 */
export function einsum(equation: string, ...tensors: readonly Tensor[]): Tensor {
  const [inputs, given, ...more] = equation.replaceAll(' ', '').split('->') as [string, string?, ...string[]]
  const terms = inputs.split(',')
  if (more.length > 0) throw fail("one '->'", `'${equation}'`)
  if (terms.length !== tensors.length) throw fail(`${terms.length} operands for '${equation}'`, `${tensors.length}`)
  const named = tensors.map((x, i) => takeDiagonals({ x, labels: labelsOf(terms[i]!, x.rank) }))
  const operands = align(named)
  const hidden = Math.max(...operands.map(({ labels }) => labels.filter((label) => label.startsWith('…')).length))
  const term = given ?? impliedOutput(terms)
  const output = labelsOf(term, term.includes('...') ? term.length - 3 + hidden : term.length)
  const known = new Set(operands.flatMap(({ labels }) => labels))
  const unknown = output.find((label) => !known.has(label))
  if (unknown !== undefined) throw fail(`an output of ${[...known].join(', ')}`, `'${unknown}'`)
  if (new Set(output).size !== output.length) throw fail('each letter of the output once', `'${term}'`)
  const result = operands.reduce((product, operand, i) => {
    const later = operands.slice(i + 1).flatMap(({ labels }) => labels)
    return contract(product, operand, new Set([...output, ...later]))
  })
  return inOrder(
    sumOut(result, (label) => output.includes(label)),
    output,
  )
}
