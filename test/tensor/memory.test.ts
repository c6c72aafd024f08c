/** Scopes, disposal and sites: what lives, and for how long. */
import {
  exp,
  GradError,
  grad,
  hvp,
  inSite,
  isTapped,
  keep,
  MemoryError,
  memoryInfo,
  OptionError,
  scope,
  select,
  site,
  type Tensor,
  tap,
  tensor,
  vjp,
} from '@antecedent/tensor'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const test = suite('memory')

/** By how much `f` changes the counts of live tensors and buffers. */
function growth(f: () => void): [tensors: number, buffers: number] {
  const before = memoryInfo()
  f()
  const after = memoryInfo()
  return [after.tensors - before.tensors, after.buffers - before.buffers]
}

test('a scope frees everything but its result', () => {
  let inside: Tensor | undefined
  let result: Tensor | undefined
  const grown = growth(() => {
    result = scope(() => {
      const a = tensor([1, 2, 3])
      inside = exp(a)
      return inside.mul(2)
    })
  })
  assert.equal(grown, [1, 1])
  assert.ok(inside!.disposed)
  assert.not(result!.disposed)
  assert.equal(
    growth(() => result!.dispose()),
    [-1, -1],
  )
})

test('a scope keeps tensors in arrays, maps and objects of its result', () => {
  const result = scope(() => ({ list: [tensor(1)], map: new Map([['a', tensor(2)]]), deep: { x: tensor(3) } }))
  assert.equal([result.list[0]!.item(), result.map.get('a')!.item(), result.deep.x.item()], [1, 2, 3])
})

test('a nested scope hands its result to the scope around, which frees it', () => {
  let inner: Tensor | undefined
  const grown = growth(() => {
    scope(() => {
      inner = scope(() => tensor([1]).add(1))
      assert.is(inner.item(), 2)
    })
  })
  assert.equal(grown, [0, 0])
  assert.ok(inner!.disposed)
})

test('select leaves no view behind where no scope is open', () => {
  const x = tensor([
    [1, 2],
    [3, 4],
  ])
  const grown = growth(() => select(x, -1).dispose())
  assert.equal(grown, [0, 0])
})

test('keep takes a tensor out of all scopes', () => {
  let kept: Tensor | undefined
  scope(() =>
    scope(() => {
      kept = keep(tensor([4]))
    }),
  )
  assert.is(kept!.item(), 4)
  kept!.dispose()
})

test('a scope whose function throws frees everything', () => {
  const grown = growth(() => {
    assert.throws(
      () =>
        scope(() => {
          tensor([1]).add(2)
          throw new Error('inside')
        }),
      /inside/,
    )
  })
  assert.equal(grown, [0, 0])
})

test('a function that throws under grad frees everything', () => {
  const x = tensor([1, 2])
  const grown = growth(() => {
    assert.throws(
      () =>
        grad((x: Tensor) => {
          exp(x).mul(x)
          throw new Error('inside')
        })(x),
      /inside/,
    )
  })
  assert.equal(grown, [0, 0])
})

test('a function that grad refuses frees everything', () => {
  const x = tensor([1, 2])
  const grown = growth(() => {
    assert.throws(() => grad((x: Tensor) => exp(x).mul(x))(x), /one scalar/)
    assert.throws(() => vjp((x: Tensor) => exp(x).mul(x).argmax(), x), /float tensor as output/)
  })
  assert.equal(grown, [0, 0])
})

test('use after disposal is a MemoryError that says what to do; disposing twice is harmless', () => {
  const x = tensor([1, 2])
  x.dispose()
  x.dispose()
  assert.ok(x.disposed)
  for (const use of [() => x.dataSync(), () => x.add(1), () => x.device, () => exp(x)]) {
    try {
      use()
      assert.unreachable()
    } catch (error) {
      assert.instance(error, MemoryError)
      assert.match((error as Error).message, /shape \[2\] that was disposed \(.*keep\(\)/)
    }
  }
  assert.is(String(x), 'Tensor f32 [2] (disposed)')
})

test('a view lives on when what it views is disposed', () => {
  const x = tensor([
    [1, 2],
    [3, 4],
  ])
  const view = x.transpose()
  x.dispose()
  assert.equal(view.toArray(), [
    [1, 3],
    [2, 4],
  ])
  assert.equal(
    growth(() => view.dispose()),
    [-1, -1],
  )
})

test('a thousand gradients end with the tensors and buffers they began with', () => {
  const x = tensor([0.1, 0.2, 0.3])
  const f = (x: Tensor) => exp(x).softmax().log().square().sum()
  const grown = growth(() => {
    for (let i = 0; i < 1000; i++) grad(f)(x).dispose()
  })
  assert.equal(grown, [0, 0])
})

test('second derivatives leave nothing behind', () => {
  const x = tensor([0.1, 0.2, 0.3])
  const f = (x: Tensor) => exp(x).softmax().square().sum()
  assert.equal(
    growth(() => hvp(f, x, x).dispose()),
    [0, 0],
  )
})

test('a pullback holds its tape until it is disposed', () => {
  const x = tensor([1, 2])
  let release = () => {}
  const held = growth(() => {
    const { value, pullback } = vjp((x: Tensor) => exp(x).mul(x), x)
    value.dispose()
    pullback(x).dispose()
    release = pullback.dispose
  })
  assert.ok(held[0] > 0)
  assert.equal(growth(release), [-held[0], -held[1]])
})

test('a promise can not leave a scope or a tap', () => {
  assert.throws(
    () => scope(async () => tensor(1)),
    (error: unknown) => error instanceof GradError && error.op === 'scope',
  )
  assert.throws(
    () => tap({}, async () => tensor(1)),
    (error: unknown) => error instanceof OptionError && error.op === 'tap',
  )
})

/** A model of two layers with named values. */
const model = (x: Tensor): Tensor => {
  let h = site('input', x)
  for (const i of [0, 1]) h = inSite(`layer.${i}`, () => site('output', h.mul(2).add(i)))
  return h
}

test('outside a tap a site returns its argument', () => {
  const x = tensor(1)
  assert.is(site('any', x), x)
})

test('a tap records by full name, and outlives the scopes inside it', () => {
  const { result, recorded } = tap({ record: ['input', 'layer.0.output'] }, () => scope(() => model(tensor(1))))
  assert.is(result.item(), 5)
  assert.equal(Object.keys(recorded), ['input', 'layer.0.output'])
  assert.is(recorded['layer.0.output']!.item(), 2)
})

test('a wildcard stands for one part of a name', () => {
  const { recorded } = tap({ record: ['layer.*.output'] }, () => model(tensor(1)))
  assert.equal(Object.keys(recorded), ['layer.0.output', 'layer.1.output'])
  assert.throws(() => tap({ record: ['*.output'] }, () => model(tensor(1))), /a site that the run passes/)
})

test('a tap replaces by a tensor or by a function, and records what it replaced with', () => {
  const replace = { 'layer.0.output': (value: Tensor) => value.mul(10) }
  const { result, recorded } = tap({ replace, record: ['layer.0.output'] }, () => model(tensor(1)))
  assert.equal([result.item(), recorded['layer.0.output']!.item()], [41, 20])
  assert.is(tap({ replace: { input: tensor(3) } }, () => model(tensor(1))).result.item(), 13)
})

test('gradients flow to a value put in by a tap', () => {
  const g = grad((h: Tensor) => tap({ replace: { 'layer.0.output': h } }, () => model(tensor(1))).result)
  assert.is(g(tensor(7)).item(), 2)
})

test('a tap and its prefixes end when its function throws', () => {
  const x = tensor(1)
  const fail = () => {
    throw new Error('inside')
  }
  assert.throws(() => tap({ replace: { input: tensor(9) } }, () => inSite('a', fail)), /inside/)
  assert.is(site('input', x), x)
  assert.equal(Object.keys(tap({ record: ['input'] }, () => model(x)).recorded), ['input'])
})

test('whether a site is tapped is told by name, pattern and prefix, and counts as passing it', () => {
  const asked = () => inSite('layer.1', () => isTapped('scores', 'probabilities'))
  assert.not(asked())
  assert.not(tap({ record: ['input'] }, () => [site('input', tensor(1)), asked()]).result[1])
  for (const record of [['layer.1.scores'], ['layer.*.probabilities']]) assert.ok(tap({ record }, asked).result)
  assert.ok(tap({ replace: { 'layer.1.scores': tensor(1) } }, () => tap({}, asked).result).result)
  assert.throws(() => tap({ record: ['layer.0.scores'] }, asked), /layer\.1\.scores, layer\.1\.probabilities/)
})

test('an unknown site lists the known ones', () => {
  for (const options of [{ record: ['layer.7.output'] }, { replace: { 'layer.7.output': tensor(0) } }]) {
    try {
      tap(options, () => model(tensor(1)))
      assert.unreachable()
    } catch (error) {
      assert.instance(error, OptionError)
      assert.equal((error as OptionError).known, ['input', 'layer.0.output', 'layer.1.output'])
      assert.match((error as Error).message, /"layer\.7\.output"/)
    }
  }
})

test.run()
