/** Coarse-to-fine coreference resolution on BERT. */
export type { Cluster, CorefDocument, Span } from './documents/document.ts'
export type { Pieces } from './documents/pieces.ts'
