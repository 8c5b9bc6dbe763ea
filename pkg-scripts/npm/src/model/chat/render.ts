// From messages to a prompt, by the model's template or, for a model without one, plainly.

import { type NanolmError, optionError, saying, TemplateError } from "../../errors.js";
import type { Template } from "../../jinja.js";
import { type ControlTexts, markerFor, type Marked } from "./literal.js";
import { describe, failingTag } from "./place.js";
import type { ChatMessage } from "./types.js";

/** What a prompt is made of. */
export interface Rendering {
  /** Checked and brought into one form by `normalised`. */
  messages: readonly ChatMessage[];
  template: string | undefined;
  /** Everything else that the template may ask for. */
  values: Record<string, unknown>;
  controls: ControlTexts;
}

/** Speakers of the plain form. */
const PLAIN: Record<string, string> = { user: "User: ", assistant: "Assistant: ", tool: "Tool: " };
/** Where a model without a template shall stop: it would go on with what the other one says. */
export const PLAIN_STOP = "\nUser:";

/** Compiled templates, the last one used of each text. */
const compiled = new Map<string, Template>();
const MOST_COMPILED = 8;

async function engine(): Promise<typeof Template> {
  return (await import("../../jinja.js")).Template;
}

/** Whether the answer goes on where the last message ends. */
export function continues(messages: readonly ChatMessage[]): boolean {
  return messages.at(-1)?.role === "assistant";
}

/** The prompt, and which of its bytes belong to texts that could be taken for control tokens. */
export async function render(rendering: Rendering): Promise<Marked> {
  const { messages, template, values, controls } = rendering;
  const marker = markerFor([messages, values], controls);
  if (marker === undefined) {
    throw optionError("messages", "texts without Unicode's noncharacters (U+FDD0 to U+FDEF)", saying("all of them"));
  }
  const marked = { messages: marker.mark(messages), values: { ...values, ...marker.mark(given(values)) } };
  const write = async (messages: readonly ChatMessage[], values: Record<string, unknown>): Promise<string> =>
    template === undefined ? plain(messages) : withTemplate(await engine(), template, messages, values);
  const rendered = marker.unmark(await write(marked.messages, marked.values));
  // The template must not have seen the marks.
  if (marker.used && rendered.text !== (await write(messages, values))) {
    throw new TemplateError(
      "chat/template",
      "the chat template takes a part of a message that has control tokens in it for its own, so that they cannot be kept " +
        "from acting. Take them out of the message",
    );
  }
  return rendered;
}

/** Of the values for a template, those that a caller gave. */
function given({ tools, documents }: Record<string, unknown>): Record<string, unknown> {
  return { tools, documents };
}

/** `Speaker: text` lines. The control tokens that the model expects around a text come with the tokens. */
function plain(messages: readonly ChatMessage[]): string {
  const parts = messages.map(({ role, content }) => {
    const speaker = PLAIN[role];
    return speaker === undefined ? `${content as string}\n\n` : `${speaker}${content as string}\n`;
  });
  return continues(messages) ? parts.join("").slice(0, -1) : `${parts.join("")}Assistant:`;
}

function withTemplate(
  Engine: typeof Template,
  template: string,
  messages: readonly ChatMessage[],
  values: Record<string, unknown>,
): string {
  const going = continues(messages);
  const all = { ...values, messages, add_generation_prompt: !going };
  let text: string;
  try {
    text = compile(Engine, template).render(all);
  } catch (error) {
    const folded = withoutSystem(messages);
    const failure = templateError(Engine, template, all, error as Error);
    // Some templates know no system messages, and their models were taught by what stands in the first message.
    if (folded !== undefined && failure.code === "chat/refused" && /system/i.test(failure.message)) {
      return withTemplate(Engine, template, folded, values);
    }
    throw failure;
  }
  return going ? upTo(text, messages.at(-1)?.content as string) : text;
}

function compile(Engine: typeof Template, template: string): Template {
  const known = compiled.get(template) ?? new Engine(template);
  compiled.delete(template);
  compiled.set(template, known);
  const [oldest] = compiled.keys();
  if (compiled.size > MOST_COMPILED && oldest !== undefined) compiled.delete(oldest);
  return known;
}

/** The prompt up to the end of the last message: what the template writes after it is for a finished one. */
function upTo(text: string, content: string): string {
  const whole = text.lastIndexOf(content);
  const found = whole >= 0 ? content : content.trim();
  const at = whole >= 0 ? whole : text.lastIndexOf(found);
  if (at < 0 || found === "") {
    throw optionError("messages", "a last message of the user, or one of the assistant that the template writes", saying("one that it leaves out"));
  }
  return text.slice(0, at + found.length);
}

/** The messages with what system messages say put before what the user says first. */
function withoutSystem(messages: readonly ChatMessage[]): ChatMessage[] | undefined {
  const said = messages.filter(({ role }) => role === "system").map(({ content }) => content as string);
  const rest = messages.filter(({ role }) => role !== "system");
  const first = rest.findIndex(({ role }) => role === "user");
  if (said.length === 0 || first < 0) return undefined;
  return rest.map((message, i) => (i === first ? { ...message, content: [...said, message.content as string].join("\n\n") } : message));
}

function templateError(Engine: typeof Template, template: string, values: Record<string, unknown>, error: Error): NanolmError {
  const tag = failingTag(Engine, template, values);
  const place = tag && describe(template, tag);
  const where = place === undefined ? "" : ` at line ${place.line}, column ${place.column}: ${place.tag}`;
  const details = { ...place, why: error.message };
  if (tag?.source.includes("raise_exception")) {
    return new TemplateError("chat/refused", `the model's chat template refuses the conversation: ${error.message}`, details);
  }
  return new TemplateError(
    "chat/template",
    `the chat template cannot be rendered${where}: ${error.message}. Give another one as the option "template"`,
    details,
  );
}
