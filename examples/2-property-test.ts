// A gradient of one's own, tested on tensors of many shapes against finite differences.
import { customOp, type Tensor } from '@antecedent/tensor'
import { arbitraries, checkGradients } from '@antecedent/tensor/testing'
import fc from 'fast-check'

// x σ(x), whose derivative is y + σ(x) (1 − y)
const mySwish = customOp<[Tensor]>({
  name: 'mySwish',
  forward: (x) => x.mul(x.sigmoid()),
  vjp: (dy, { inputs: [x], y }) => [dy.mul(y.add(x.sigmoid().mul(y.neg().add(1))))],
})

fc.assert(
  fc.property(arbitraries.tensor({ rank: [1, 3], domain: [-3, 3] }), (x) =>
    checkGradients((x) => mySwish(x).sum(), [x]),
  ),
)
console.log('the gradient of mySwish agrees with central differences')
