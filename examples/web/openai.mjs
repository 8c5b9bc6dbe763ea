// The official client of OpenAI's API on the device: a chat, a stream, a call of a tool, an object and embeddings.
//
//   npm install nanolm openai
//   node openai.mjs /models/qwen2.5-0.5b-instruct-q4_k_m.gguf
import { Model } from "nanolm";
import { createFetch } from "nanolm/openai";
import OpenAI from "openai";

const local = await Model.load(process.argv[2]);
const client = new OpenAI({ apiKey: "none", fetch: createFetch(local) });
const ask = { model: "local", max_output_tokens: 60 };

const { output_text } = await client.responses.create({ ...ask, input: "Why is the sky blue?" });
console.log("chat:", JSON.stringify(output_text));

let streamed = "";
for await (const event of await client.responses.create({ ...ask, input: "Why is the sky blue?", stream: true })) {
  if (event.type === "response.output_text.delta") streamed += event.delta;
}
console.log("stream:", JSON.stringify(streamed));

const unit = { type: "object", properties: { unit: { enum: ["C", "F"] } }, required: ["unit"], additionalProperties: false };
const tools = [{ type: "function", name: "weather", description: "The weather of a place", parameters: unit, strict: true }];
const { output } = await client.responses.create({ ...ask, input: "How warm is it in Rome?", tools, tool_choice: "required" });
console.log("tool:", JSON.stringify(output.map(({ name, arguments: given }) => ({ name, args: JSON.parse(given) }))));

const text = { format: { type: "json_schema", name: "unit", schema: unit } };
const object = await client.responses.create({ ...ask, input: "Which unit do they use in Rome?", text });
console.log("object:", object.output_text);

const { data } = await client.embeddings.create({ model: "local", input: ["A lamp", "A light"] });
console.log("embeddings:", data.length, data[0].embedding.length);
await local.dispose();
