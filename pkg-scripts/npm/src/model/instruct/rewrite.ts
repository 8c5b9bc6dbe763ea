// Texts written anew: in other words, or in another language.

import { optionError } from "../../errors.js";
import { sourceOf } from "../chat/source.js";
import { checkText } from "../options.js";
import type { Piece, StreamSink } from "../stream.js";
import type { RewriteOptions, TranslateOptions } from "../tasks/rewrite.js";
import { ask, type Call, question } from "./ask.js";
import { checkNames, checkOneOf, requireChat } from "./check.js";
import { paragraphs } from "./paragraphs.js";
import { partsOf, room, sentencesOf } from "./text.js";

const ASKED = 256;
/** Tokens of a part: short ones keep small models from leaving things out. */
const PART = 384;
/** What is written may need so many tokens for each that was read. */
const LONGER = 3;

const TONES = { "more-formal": "in a more formal tone", "more-casual": "in a more casual tone" } as const;
const LENGTHS = { shorter: "shorter", longer: "in more detail" } as const;

export async function rewrite(call: Call, text: string, options: RewriteOptions, sink: StreamSink<Piece>): Promise<void> {
  const { tone = "as-is", length = "as-is", instruction = "" } = options;
  checkOneOf("tone", tone, ["as-is", ...Object.keys(TONES)]);
  checkOneOf("length", length, ["as-is", ...Object.keys(LENGTHS)]);
  checkText("instruction", instruction);
  checkNames(options, ["tone", "length", "instruction"]);
  requireChat(call, "rewrite");
  const how = [tone === "as-is" ? [] : TONES[tone], length === "as-is" ? [] : LENGTHS[length]].flat().join(", and ");
  const asked = `Rewrite the text${how === "" ? " in clear words" : ` ${how}`}. Keep what it says, and its language.`;
  return anew(call, text, `${asked} ${instruction === "" ? "" : `${instruction} `}Write the new text alone.`, sink);
}

export async function translate(call: Call, text: string, options: TranslateOptions, sink: StreamSink<Piece>): Promise<void> {
  const { to, from } = options;
  checkText("to", to);
  if (from !== undefined) checkText("from", from);
  checkNames(options, ["to", "from"]);
  requireChat(call, "translate");
  const source = from === undefined ? "" : ` from ${language("from", from)}`;
  return anew(call, text, `Translate the text${source} into ${language("to", to)}. Write the translation alone.`, sink);
}

/** The English name of a language; a name is taken as it is. */
function language(option: string, tag: string): string {
  if (!/^[a-z]{2,3}(-[a-z0-9]{1,8})*$/i.test(tag)) return tag;
  let name: string | undefined;
  try {
    name = new Intl.DisplayNames(["en"], { type: "language", fallback: "none" }).of(tag);
  } catch {
    // No language tag.
  }
  if (name === undefined) throw optionError(option, 'a language, such as "de" or "German"', tag);
  return name;
}

/** Paragraph by paragraph, with what stood between them. */
async function anew(call: Call, text: string, instruction: string, sink: StreamSink<Piece>): Promise<void> {
  const { contextLength } = await sourceOf(call.connection);
  const most = Math.min(PART, room(contextLength, ASKED) / (1 + LONGER));
  const writing = { maxNewTokens: Math.ceil(most * LONGER) };
  return paragraphs(
    text,
    call.left,
    async (paragraph) => partsOf(call.connection, paragraph, await sentencesOf(call.connection, paragraph, false), most),
    (part, give) => ask(call, question(part, instruction), writing, give),
    sink,
  );
}
