// Translations by models that were trained for them: sentence by sentence, as they were trained.

import { optionError, UnsupportedError } from "../../errors.js";
import { checkNames } from "../instruct/check.js";
import { paragraphs } from "../instruct/paragraphs.js";
import { cut, sentencesOf, tokens } from "../instruct/text.js";
import { checkText } from "../options.js";
import type { Piece, StreamSink } from "../stream.js";
import type { TranslateOptions } from "../tasks/rewrite.js";
import { type Call, names, type Recipe, recipe, write } from "./recipe.js";

const NAME = /^translation_([a-z]+)_to_([a-z]+)$/i;

export async function translate(call: Call, text: string, options: TranslateOptions, sink: StreamSink<Piece>): Promise<void> {
  const { to, from } = options;
  checkText("to", to);
  if (from !== undefined) checkText("from", from);
  checkNames(options, ["to", "from"]);
  const chosen = choose(call, to, from);
  const most = Math.floor(call.contextLength / 2);
  await paragraphs(
    text,
    call.left,
    async (paragraph) => {
      const parts: string[] = [];
      for (const { text: sentence } of await sentencesOf(call.connection, paragraph, false)) {
        const n = await tokens(call.connection, sentence);
        parts.push(...(n > most ? cut(sentence, Math.ceil(n / most)) : [sentence]));
      }
      return parts;
    },
    (part, give) => write(call, chosen, part, give),
    sink,
  );
}

function choose(call: Call, to: string, from: string | undefined): Recipe {
  const known = names(call.recipes).flatMap((name) => {
    const [, source = "", target = ""] = NAME.exec(name) ?? [];
    return target === "" ? [] : [{ name, source, target }];
  });
  if (known.length === 0) {
    const why = "its files name no translation (task_specific_params): use generate";
    throw new UnsupportedError("task/unsupported", `the model cannot do translate: ${why}`, { task: "translate", why });
  }
  const fitting = known.filter(({ target }) => isLanguage(to, target));
  if (fitting.length === 0) throw optionError("to", `one of ${list(known.map(({ target }) => target))}`, to);
  const found = fitting.find(({ source }) => from === undefined || isLanguage(from, source));
  if (found === undefined) throw optionError("from", `one of ${list(fitting.map(({ source }) => source))}`, from);
  return recipe(call, found.name);
}

function list(languages: readonly string[]): string {
  return [...new Set(languages)].join(", ");
}

/** Whether a tag (`de`, `de-AT`) or an English name is that of a language. */
function isLanguage(given: string, code: string): boolean {
  const lower = given.toLowerCase();
  return lower === code || lower.startsWith(`${code}-`) || lower === new Intl.DisplayNames(["en"], { type: "language" }).of(code)?.toLowerCase();
}
