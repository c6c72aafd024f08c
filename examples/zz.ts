import { matmul, normal, randomKey, scope, type Tensor, useDevice } from '@antecedent/tensor'

for (const t of [1, 2]) {
  await useDevice('wasm', { threads: t })
  for (const [m, k, n] of [
    [700, 384, 1536],
    [700, 1536, 384],
    [700, 384, 384],
    [70, 384, 1536],
    [70, 1536, 384],
    [70, 384, 384],
  ] as const) {
    const ws = Array.from({ length: 12 }, (_, i) => normal([k, n], randomKey(i)))
    const as = Array.from({ length: 12 }, (_, i) => normal([m, k], randomKey(i + 50)))
    const hot: number[] = [],
      cold: number[] = []
    for (let r = 0; r < 12; r++) {
      for (let i = 0; i < 12; i++) {
        const s = performance.now()
        const y = matmul(as[0]!, ws[0]!)
        hot.push(performance.now() - s)
        y.dispose()
      }
      const ys: Tensor[] = []
      for (let i = 0; i < 12; i++) {
        const s = performance.now()
        ys.push(matmul(as[i]!, ws[i]!))
        cold.push(performance.now() - s)
      }
      for (const y of ys) y.dispose()
    }
    const med = (x: number[]) => x.sort((a, b) => a - b)[x.length >> 1]!
    const f = (2 * m * k * n) / 1e6
    console.log(
      t,
      [m, k, n].join('x').padEnd(14),
      'hot',
      (f / med(hot)).toFixed(1),
      'max',
      (f / hot[0]!).toFixed(1),
      ' cold',
      (f / med(cold)).toFixed(1),
      'max',
      (f / cold[0]!).toFixed(1),
    )
    for (const x of [...ws, ...as]) x.dispose()
  }
}
