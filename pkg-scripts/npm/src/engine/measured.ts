// What was measured to choose between CPU and GPU, kept in Cache Storage beside the models: lines that the engine writes and
// reads (src/backend/calibrate.rs), the latest first. Where nothing can be kept, every load measures again.

const STORE = "nanolm-measured-v1";
/** Never fetched: a name under which the store keeps the lines. */
const NAME = "https://nanolm.invalid/measured";
/** One for each model, adapter and build. */
const MOST_LINES = 32;

/** The lines of earlier loads. */
export async function known(): Promise<string> {
  try {
    const store = await globalThis.caches?.open(STORE);
    return (await (await store?.match(NAME))?.text()) ?? "";
  } catch {
    return "";
  }
}

/** Keeps a line, in place of those that were not used for the longest time. */
export async function keepLine(line: string): Promise<void> {
  try {
    const before = (await known()).split("\n").filter((other) => other !== "" && other !== line);
    const store = await globalThis.caches?.open(STORE);
    await store?.put(NAME, new Response([line, ...before].slice(0, MOST_LINES).join("\n")));
  } catch {
    // A full or refused store: the next load measures again.
  }
}
