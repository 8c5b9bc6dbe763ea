// Puts the APIs that the browser lacks where pages look for them.

import { type PreferOptions, replace, setPreference } from "./browser.js";
import { LanguageDetector, LanguageModel, LanguageModelToolCall, LanguageModelToolError, LanguageModelToolSuccess, Proofreader, Rewriter, Summarizer, Translator, Writer } from "./index.js";

const ALL = Object.entries({ LanguageDetector, LanguageModel, LanguageModelToolCall, LanguageModelToolError, LanguageModelToolSuccess, Proofreader, Rewriter, Summarizer, Translator, Writer });

for (const [name, value] of ALL) if (!(name in globalThis)) replace(name, value);

/**
 * Puts all of them there, also where the browser has some. With `prefer: "browser"` the browser's own still answer wherever they are
 * available, and nanolm does on machines where they are not.
 */
export function install(options: PreferOptions = {}): void {
  setPreference(options);
  for (const [name, value] of ALL) replace(name, value);
}
