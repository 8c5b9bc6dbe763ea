// Server-sent events as they come.

/** An event of a stream. */
export interface ServerEvent {
  name: string | undefined;
  data: string;
}

/** The events of a body, each as soon as its blank line has come. What the stream ends in the middle of is no event. */
export async function* eventsIn(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent, undefined> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let [held, name, data] = ["", undefined as string | undefined, [] as string[]];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return undefined;
      held += decoder.decode(value, { stream: true });
      // A carriage return at the end may be half of a line's end.
      const lines = held.split(/\r\n|\n|\r(?!$)/);
      held = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "") {
          if (data.length > 0) yield { name, data: data.join("\n") };
          [name, data] = [undefined, []];
          continue;
        }
        const [, field, text = ""] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
        if (field === "data") data.push(text);
        if (field === "event") name = text;
      }
    }
  } finally {
    // Whoever leaves stops the sender. A stream that failed is left already.
    reader.cancel().catch(() => {});
  }
}
