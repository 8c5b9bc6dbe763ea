// Puts the APIs that the browser lacks where pages look for them.

import { LanguageDetector, LanguageModel, Rewriter, Summarizer, Translator, Writer } from "./index.js";

for (const [name, value] of Object.entries({ LanguageDetector, LanguageModel, Rewriter, Summarizer, Translator, Writer })) {
  if (!(name in globalThis)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true, enumerable: false });
}
