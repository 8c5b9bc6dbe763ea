// A tiny random model that chats in ChatML: tests/golden/tiny-llama with two of its rarest tokens as control tokens.
import { Model } from "./nanolm/index.js";

export const CHATML =
  "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

const FOLDER = "/golden/tiny-llama/";
const json = (name) => fetch(FOLDER + name).then((response) => response.json());

/** The files: `controls` are ids by what they shall be written, `config` changes config.json, `files` are more files. */
export async function chatFiles({ controls = { "<|im_start|>": 318, "<|im_end|>": 319 }, config = {}, files = {} } = {}) {
  const tokenizer = await json("tokenizer.json");
  const { model, added_tokens } = tokenizer;
  const byId = new Map(Object.entries(model.vocab).map(([text, id]) => [id, text]));
  for (const [content, id] of Object.entries(controls)) {
    const old = byId.get(id);
    delete model.vocab[old];
    model.vocab[content] = id;
    model.merges = model.merges.filter((pair) => ![pair.join(""), ...pair].includes(old));
    added_tokens.push({ ...added_tokens[0], id, content });
  }
  const weights = await (await fetch(`${FOLDER}model.safetensors`)).arrayBuffer();
  const text = (value) => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
  return {
    "config.json": text({ ...(await json("config.json")), max_position_embeddings: 512, ...config }),
    "tokenizer.json": text(tokenizer),
    "model.safetensors": new Uint8Array(weights),
    ...Object.fromEntries(Object.entries(files).map(([name, value]) => [name, text(value)])),
  };
}

/**
 * A context that takes minutes to fill, even for this model: what writes into it is never done before it is stopped. At most
 * `ENDLESS` tokens fit behind a short prompt.
 */
export const VAST = { max_position_embeddings: 65_536 };
export const ENDLESS = 65_000;

export const chatModel = async (options = {}) =>
  Model.load(await chatFiles({ files: { "chat_template.jinja": CHATML }, ...options }), { device: "cpu" });
