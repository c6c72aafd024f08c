/**
 * Discrete choices need numbers. Reading them is synchronous on some devices and not on others, while everything else
 * is the same: so a computation asks for numbers by yielding a tensor, and one of two drivers answers.
 */
import type { Tensor, TypedArray } from '@antecedent/tensor'

/** A computation that asks for the elements of tensors on its way. */
export type Reading<T> = Generator<Tensor, T, TypedArray>

/** Runs it at once, under derivatives too, on the devices that read at once. @throws {DeviceError} on the others */
export function readAtOnce<T>(reading: Reading<T>): T {
  let step = reading.next()
  while (!step.done) step = reading.next(step.value.dataSync())
  return step.value
}

/** Runs it on any device. */
export async function readLater<T>(reading: Reading<T>): Promise<T> {
  let step = reading.next()
  while (!step.done) step = reading.next(await step.value.data())
  return step.value
}
