// How tensors store their elements: the engine's table (src/quant), as far as the sizes of files go. A test holds the two together.

interface StorageType {
  name: string;
  /** ggml's number. */
  id: number;
  /** Of a block. */
  elements: number;
  bytes: number;
}

const row = (name: string, id: number, elements: number, bytes: number): StorageType => ({ name, id, elements, bytes });

export const TYPES: readonly StorageType[] = [
  row("f32", 0, 1, 4),
  row("f16", 1, 1, 2),
  row("bf16", 30, 1, 2),
  row("q8_0", 8, 32, 34),
  row("q4_0", 2, 32, 18),
  row("q4_1", 3, 32, 20),
  row("q5_0", 6, 32, 22),
  row("q5_1", 7, 32, 24),
  row("q4_k", 12, 256, 144),
  row("q5_k", 13, 256, 176),
  row("q6_k", 14, 256, 210),
  row("q3_k", 11, 256, 110),
  row("q2_k", 10, 256, 84),
  row("iq4_nl", 20, 32, 18),
  row("iq4_xs", 23, 256, 136),
  row("mxfp4", 39, 32, 17),
  row("tq2_0", 35, 256, 66),
  row("tq1_0", 34, 256, 54),
];

/** What ggml calls types that the engine does not run. */
export const OTHER_TYPES: Readonly<Record<number, string>> = {
  9: "q8_1",
  15: "q8_k",
  16: "iq2_xxs",
  17: "iq2_xs",
  18: "iq3_xxs",
  19: "iq1_s",
  21: "iq3_s",
  22: "iq2_s",
  24: "i8",
  25: "i16",
  26: "i32",
  27: "i64",
  28: "f64",
  29: "iq1_m",
};
