"use client";
// Hooks for React. On a server they render what there is before a model is loaded, and load nothing.

export { type Chat, useChat, type UseChatOptions } from "./chat.js";
export { useModel, type UsedModel, type UseModelOptions } from "./model.js";
export type { ModelState } from "./shared.js";
export { type Summary, useSummary } from "./summary.js";
