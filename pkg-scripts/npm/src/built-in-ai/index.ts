// The browser's built-in AI, by its own names: for browsers that have none, and for apps that want the same everywhere.

export { type PreferOptions, setPreference } from "./browser.js";
export type { CallOptions, CreateMonitor, CreateOptions } from "./common.js";
export { LanguageDetector } from "./language-detector.js";
export type * from "./language-detector.js";
export { LanguageModel } from "./language-model.js";
export type * from "./language-model.js";
export { type Availability, type ProvidedModel, useModel } from "./provider.js";
export { LanguageModelToolCall, LanguageModelToolError, type LanguageModelToolResult, LanguageModelToolSuccess } from "./tool-content.js";
export type { CorrectionType } from "./corrections.js";
export { Proofreader } from "./proofreader.js";
export type * from "./proofreader.js";
export { Rewriter } from "./rewriter.js";
export type * from "./rewriter.js";
export { Summarizer } from "./summarizer.js";
export type * from "./summarizer.js";
export { Translator } from "./translator.js";
export type * from "./translator.js";
export { Writer } from "./writer.js";
export type * from "./writer.js";
