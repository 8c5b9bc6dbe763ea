// nanolm/search: an index over vectors, and one over texts.

export type { VectorLike, VectorType } from "./encode.js";
export { list, remove } from "./kept.js";
export { TextIndex } from "./text-index.js";
export type { Entry, FoundText, TextDocument, TextIndexOptions, TextSearchOptions } from "./text-index.js";
export { VectorIndex } from "./vector-index.js";
export type { Match, SearchOptions, VectorId, VectorIndexOptions } from "./vector-index.js";
