// Long work in slices, between which the worker listens to its messages.

/**
 * Work between two messages to the page, and two looks at those from it. As long as a page shows one frame: nobody sees more, and each
 * takes the page's own thread a quarter of a millisecond, which the engine's threads lose where there are no more processors.
 */
export const SLICE_MS = 16;

// Timers wait for at least 4 ms once nested; a message channel does not.
const channel = new MessageChannel();
const waiting: (() => void)[] = [];
channel.port1.onmessage = () => waiting.shift()?.();

/** Lets waiting messages be heard. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    channel.port2.postMessage(undefined);
  });
}

/** How long work in the background rests behind every slice, so that whoever shares its processor has a turn. */
export const REST_MS = SLICE_MS / 4;

interface Scheduler {
  postTask(task: () => void, options: { priority: "background"; delay: number }): Promise<void>;
}

/** Waits for so many milliseconds, and then for all that is more urgent. */
export function rest(delay: number): Promise<void> {
  const { scheduler } = globalThis as { scheduler?: Scheduler };
  return scheduler?.postTask(() => {}, { priority: "background", delay }) ?? new Promise((resolve) => setTimeout(resolve, delay));
}
