/** The public list of `@antecedent/attribution`. */
export { attend, headNorm } from './attention.ts'
export { type AttributeAllOptions, type AttributionTable, attributeAll } from './attributeAll.ts'
export {
  type IntegratedGradients,
  type IntegratedGradientsOptions,
  integratedGradients,
} from './integratedGradients.ts'
export { type LayerIntegratedGradientsOptions, layerIntegratedGradients } from './layerIntegratedGradients.ts'
export { type Maximum, maximumOf, type Target, type Targets } from './maximum.ts'
export { type NestedSize, nestedQuadrature } from './nestedRule.ts'
export type { PathFunction } from './passes.ts'
export type { Elements, Integration, PathOptions, WinnerPiece } from './path.ts'
export { type Quadrature, type QuadratureMethod, quadrature, quadratureMethods } from './quadrature.ts'
export type { AttentionRecord, AttributionRecord, Provenance } from './record.ts'
export * from './report/index.ts'
export { attributeSites, type SiteAttributions, type SiteOptions } from './sites.ts'
export {
  type BaselineName,
  baselineNames,
  baselineOf,
  maskBaseline,
  meanBaseline,
  padBaseline,
  type Reduction,
  reduceToken,
  type TokenTarget,
  tokenMaximum,
  zeroBaseline,
} from './targets.ts'
export { version } from './version.ts'
