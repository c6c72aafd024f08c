/** Models whose weights are the mean of others'. */
import { Bert } from '@antecedent/bert'
import { add, mul, ShapeError, scope, type Tensor } from '@antecedent/tensor'
import { CorefModel } from '../model/model.ts'

type Parameters = Readonly<Record<string, Tensor>>

/**
 * A model with the mean of some models' weights and the first one's settings: trainings that began alike end in one
 * basin, and their mean does better than each (model soups, Wortsman et al. 2022). Its weights are its own.
 *
 * @throws {ShapeError} where a weight is missing from a model, or of another shape than in the first
 */
export function meanOfModels(models: readonly [CorefModel, ...CorefModel[]]): CorefModel {
  const [{ config, bert }] = models
  const mean = (of: (model: CorefModel) => Parameters): Record<string, Tensor> =>
    Object.fromEntries(
      Object.entries(of(models[0])).map(([name, first]) => {
        const all = models.map((model) => of(model)[name])
        for (const other of all) {
          if (other?.shape.join() === first.shape.join()) continue
          const got = other ? `[${other.shape.join(', ')}]` : 'none'
          throw new ShapeError({ op: 'meanOfModels', expected: `${name} of shape [${first.shape.join(', ')}]`, got })
        }
        return [
          name,
          scope(() =>
            mul(
              (all as Tensor[]).reduce((sum, x) => add(sum, x)),
              1 / models.length,
            ),
          ),
        ]
      }),
    )
  return new CorefModel({
    config,
    bert: new Bert({
      config: bert.config,
      parameters: mean((model) => model.bert.parameters),
      tokenizer: bert.hasTokenizer ? bert.tokenizer : null,
      source: bert.source,
    }),
    parameters: mean((model) => model.parameters),
  })
}
