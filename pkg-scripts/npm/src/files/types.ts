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
  row("F32", 0, 1, 4),
  row("F16", 1, 1, 2),
  row("BF16", 30, 1, 2),
  row("Q8_0", 8, 32, 34),
  row("Q4_0", 2, 32, 18),
  row("Q4_1", 3, 32, 20),
  row("Q5_0", 6, 32, 22),
  row("Q5_1", 7, 32, 24),
  row("Q4_K", 12, 256, 144),
  row("Q5_K", 13, 256, 176),
  row("Q6_K", 14, 256, 210),
  row("Q3_K", 11, 256, 110),
  row("Q2_K", 10, 256, 84),
  row("IQ4_NL", 20, 32, 18),
  row("IQ4_XS", 23, 256, 136),
  row("MXFP4", 39, 32, 17),
  row("TQ2_0", 35, 256, 66),
  row("TQ1_0", 34, 256, 54),
];

/** What ggml calls types that the engine does not run. */
export const OTHER_TYPES: Readonly<Record<number, string>> = {
  9: "Q8_1",
  15: "Q8_K",
  16: "IQ2_XXS",
  17: "IQ2_XS",
  18: "IQ3_XXS",
  19: "IQ1_S",
  21: "IQ3_S",
  22: "IQ2_S",
  24: "I8",
  25: "I16",
  26: "I32",
  27: "I64",
  28: "F64",
  29: "IQ1_M",
};
