// LangChain.js on the device: a chat, a stream, a call of a tool, an object and embeddings.
//
//   npm install nanolm @langchain/openai @langchain/core
//   node langchain.mjs /models/qwen2.5-0.5b-instruct-q4_k_m.gguf
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { Model } from "nanolm";
import { createFetch } from "nanolm/openai";

const model = await Model.load(process.argv[2]);
const configuration = { fetch: createFetch(model) };
const common = { model: "local", apiKey: "none", maxRetries: 0, configuration };
const chat = new ChatOpenAI({ ...common, maxTokens: 60, temperature: 0 });

const answer = await chat.invoke("Why is the sky blue?");
console.log("chat:", JSON.stringify(answer.content));

let streamed = "";
for await (const { content } of await chat.stream("Why is the sky blue?")) streamed += content;
console.log("stream:", JSON.stringify(streamed));

const unit = { type: "object", properties: { unit: { enum: ["C", "F"] } }, required: ["unit"], additionalProperties: false };
const weather = { type: "function", function: { name: "weather", description: "The weather of a place", parameters: unit } };
const { tool_calls } = await chat.bindTools([weather], { tool_choice: "weather" }).invoke("How warm is it in Rome?");
console.log("tool:", JSON.stringify(tool_calls.map(({ name, args }) => ({ name, args }))));

const object = await chat.withStructuredOutput(unit, { name: "unit", method: "jsonSchema" }).invoke("Which unit do they use in Rome?");
console.log("object:", JSON.stringify(object));

const vectors = await new OpenAIEmbeddings(common).embedDocuments(["A lamp", "A light"]);
console.log("embeddings:", vectors.length, vectors[0].length);
await model.dispose();
