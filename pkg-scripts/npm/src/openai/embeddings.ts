// /v1/embeddings

import type { Model } from "../index.js";
import { invalid, unsupported } from "./errors.js";
import type { Parameters } from "./parameters.js";
import { type Input, inputsOf, textOf, tokensIn } from "./request.js";

interface Wanted {
  input: Input[];
  base64: boolean;
  dimensions: number | undefined;
}

export function readEmbeddings(parameters: Parameters): Wanted {
  const input = inputsOf("input", parameters.take("input"));
  const format = parameters.text("encoding_format") ?? "float";
  if (format !== "float" && format !== "base64") throw invalid("encoding_format", '"float" or "base64"', format);
  return { input, base64: format === "base64", dimensions: parameters.whole("dimensions", 1) };
}

export async function embed(name: string, model: Model, { input, base64, dimensions }: Wanted, signal: AbortSignal | undefined): Promise<Response> {
  const texts = await Promise.all(input.map((given) => textOf(model, given)));
  const vectors = await model.embed(texts, { signal });
  const size = vectors[0]?.length ?? 0;
  if (dimensions !== undefined && dimensions !== size) throw unsupported("dimensions", `vectors have ${size} numbers.`);
  const tokens = await tokensIn(model, texts);
  const data = vectors.map((vector, index) => ({ object: "embedding", index, embedding: base64 ? inBase64(vector) : [...vector] }));
  return Response.json({ object: "list", data, model: name, usage: { prompt_tokens: tokens, total_tokens: tokens } });
}

/** The numbers as 32-bit floats, the least byte first. */
function inBase64(vector: Float32Array): string {
  const view = new DataView(new ArrayBuffer(vector.length * 4));
  vector.forEach((value, i) => view.setFloat32(i * 4, value, true));
  return btoa(String.fromCharCode(...new Uint8Array(view.buffer)));
}
