// What left the device.

/** One request that left. Not what stood in it. */
export interface Left {
  /** When, in milliseconds since 1970. */
  time: number;
  /** Which model was asked, where. */
  model: string;
  url: string;
  /** Characters of text, after what is personal was replaced. */
  characters: number;
  /** Bytes of the whole body. */
  bytes: number;
  /** How many places were replaced. */
  redacted: number;
  /** Whether it looked personal, replaced or not. */
  personal: boolean;
}

const MOST = 1000;

export class Ledger {
  readonly entries: Left[] = [];
  readonly #tell: ((left: Left) => void) | undefined;

  constructor(tell: ((left: Left) => void) | undefined) {
    this.#tell = tell;
  }

  add(left: Left): void {
    // Where the app fails to hear of it, it does not leave.
    this.#tell?.({ ...left });
    this.entries.push(left);
    if (this.entries.length > MOST) this.entries.shift();
  }
}
