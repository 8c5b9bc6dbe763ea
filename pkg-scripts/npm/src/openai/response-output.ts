// What an answer of /v1/responses consists of: messages and calls of functions, and the events by which each comes.

import type { Delta } from "./chat.js";
import { id } from "./errors.js";
import type { Call } from "./tool-calls.js";

interface Message {
  id: string;
  index: number;
  text: string;
}

const part = (text: string): object => ({ type: "output_text", text, annotations: [], logprobs: [] });

export class Output {
  /** Those that have ended, in order. */
  readonly items: object[] = [];
  /** Everything that was written as text. */
  text = "";
  #open: Message | undefined;
  readonly #send: (type: string, fields: object) => void;

  constructor(send: (type: string, fields: object) => void) {
    this.#send = send;
  }

  add({ content = "", tool_calls = [] }: Delta): void {
    if (content !== "") this.#write(content);
    for (const call of tool_calls) this.#call(call);
  }

  /** Ends what is open. An answer without a call has a message, even where nothing was written. */
  finish(incomplete: boolean, called: boolean): void {
    if (this.items.length === 0 && !called) this.#message();
    this.#close(incomplete ? "incomplete" : "completed");
  }

  #message(): Message {
    if (this.#open !== undefined) return this.#open;
    const message = { id: id("msg"), index: this.items.length, text: "" };
    this.#open = message;
    this.#send("response.output_item.added", { output_index: message.index, item: this.#item(message, "in_progress", []) });
    this.#send("response.content_part.added", { ...this.#at(message), part: part("") });
    return message;
  }

  #write(text: string): void {
    const message = this.#message();
    message.text += text;
    this.text += text;
    this.#send("response.output_text.delta", { ...this.#at(message), delta: text, logprobs: [] });
  }

  #close(status: string): void {
    const message = this.#open;
    if (message === undefined) return;
    this.#open = undefined;
    this.#send("response.output_text.done", { ...this.#at(message), text: message.text, logprobs: [] });
    this.#send("response.content_part.done", { ...this.#at(message), part: part(message.text) });
    this.#end(message.index, this.#item(message, status, [part(message.text)]));
  }

  /** A call is known once it is whole, so its arguments come as one piece. */
  #call({ id: call_id, function: { name, arguments: given } }: Call): void {
    this.#close("completed");
    const at = { item_id: id("fc"), output_index: this.items.length };
    const item = { id: at.item_id, type: "function_call", status: "in_progress", call_id, name, arguments: "" };
    this.#send("response.output_item.added", { output_index: at.output_index, item });
    this.#send("response.function_call_arguments.delta", { ...at, delta: given });
    this.#send("response.function_call_arguments.done", { ...at, name, arguments: given });
    this.#end(at.output_index, { ...item, status: "completed", arguments: given });
  }

  #end(output_index: number, item: object): void {
    this.items.push(item);
    this.#send("response.output_item.done", { output_index, item });
  }

  #item({ id }: Message, status: string, content: object[]): object {
    return { id, type: "message", status, role: "assistant", content };
  }

  #at({ id, index }: Message): object {
    return { item_id: id, output_index: index, content_index: 0 };
  }
}
