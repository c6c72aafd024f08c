// Tensors and derivatives of first and second order.
import { grad, hvp, matmul, softmax, type Tensor, tensor } from '@antecedent/tensor'

const w = tensor([
  [1, 2],
  [3, 4],
])
const loss = (w: Tensor) =>
  softmax(matmul(tensor([[0.5, -1]]), w))
    .log()
    .neg()
    .mean()
const g = grad(loss)(w) // Tensor [2, 2]
const direction = tensor([
  [1, 0],
  [0, 0],
])
const h = hvp(loss, w, direction) // second order
console.log(await g.data(), g.shape, await h.data())
