// What an extension's files may say. See docs/extension.md.
import { connect, type ConnectOptions, type RemoteModel } from "nanolm/extension";
import { hostEngine } from "nanolm/extension/background";
import { serveEngine } from "nanolm/extension/engine";

const open: () => Promise<void> = hostEngine("engine.html");
await open();
serveEngine({ idleMs: 1000, preload: { device: "cpu" } });
const options: ConnectOptions = { source: { file: "model.gguf" } };
const model: RemoteModel = connect(options);
for await (const { start, text } of model.summarize("text", { type: "key-points", keep: "points" })) console.log(start + 1, text.length);
const kept = await model.resume("points");
console.log((await kept?.result)?.finishReason, (await model.info()).device.kind, (await model.answer("Who?", "text"))?.sentence.start);
// @ts-expect-error: an unknown option
serveEngine({ idle: 1 });
// @ts-expect-error: a session does not cross a port
model.session();
