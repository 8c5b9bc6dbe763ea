// Compiled only: what an application writes, against the package's types, with nothing but the DOM's own.
import { type Answer, type Entity, type ErrorCode, type FileSource, type Keyword, type Label, Model, NanolmError, type Piece, type Point, type Result, type Session, type TextStream } from "nanolm";

export async function use(file: File, input: HTMLInputElement, signal: AbortSignal): Promise<string> {
  const model = await Model.load(file, { device: "auto", signal, onProgress: ({ phase, loaded, total }) => console.log(phase, loaded, total) });
  await Model.load();
  await Model.load(input.files ?? [], { hub: "https://hub.example/" });
  await Model.load([file]);
  await Model.load(new Set([file]));
  await Model.load(new Map<string, FileSource>([["model.gguf", "/weights"], ["config.json", await fetch("/config.json")]]));
  await Model.load(new Uint8Array(new SharedArrayBuffer(8)));
  await Model.load({ "config.json": new Uint8Array(1), "model.safetensors": "/weights", "tokenizer.json": new Blob() });
  const stream: TextStream<Piece> = model.generate("once", { maxNewTokens: 3, stop: ["."], signal });
  for await (const { text, tokenId, logprob } of stream) console.log(text, tokenId + logprob);
  const said: string = await model.chat("Hello", { maxNewTokens: 3 }).text();
  console.log(said, await model.chat({ role: "user", content: said }).text());
  const points: TextStream<Point> = model.summarize("text", { type: "key-points" });
  for await (const { start, end, score } of points) console.log(start + end + score);
  for await (const point of points) {
    // @ts-expect-error what a loop gives is typed
    console.log(point.tokenId);
  }
  const strings: ReadableStream<string> = model.generate("once").textStream();
  const response = new Response(model.generate("once").byteStream());
  console.log(strings.locked, response.ok);
  const result: Result = await model.summarize("text").result;
  const plain: ReadableStream<Piece> = model.summarize("text", { type: "headline", length: "long" });
  await plain.cancel();
  const session: Session = await model.session();
  const tokens: number = await session.append("text", { signal });
  const saved: Uint8Array = await (await session.fork()).save();
  await (await model.session(await session.save())).generate({ speculate: false }).text();
  const blob = new Blob([await session.save()]);
  console.log(tokens, saved.length, blob.size);
  await session.dispose();
  const labels: Label[] = await model.classify("text", ["a", "b"] as const, { signal });
  await model.classify("text", "sentiment");
  const entities: Entity[] = await model.extractEntities("text", { types: ["PER"] });
  const keywords: Keyword[] = await model.extractKeywords("text", { limit: 3 });
  const answer: Answer | null = await model.answer("who?", "text", { minScore: 0.5, signal });
  console.log(labels[0]?.score, entities[0]?.type, keywords[0]?.places[0]?.start, answer?.sentence.end);
  // @ts-expect-error an unknown option
  await model.extractKeywords("text", { most: 3 });
  // @ts-expect-error an unknown option
  model.generate("x", { maxTokens: 3 });
  // @ts-expect-error an unknown kind of summary
  model.summarize("x", { type: "poem" });
  try {
    await model.detokenize(await model.tokenize("x"));
  } catch (error) {
    if (error instanceof NanolmError) {
      const code: ErrorCode = error.code;
      // @ts-expect-error no such code
      if (error.code === "download/none") return code;
      const sent: { name: string; code: ErrorCode; message: string } = error.toJSON();
      if (sent.code === "session/context-full") return sent.message;
    }
  }
  await using owned = model;
  return `${owned.device.kind} ${owned.info.parameters} ${result.finishReason} ${result.points?.length}`;
}
