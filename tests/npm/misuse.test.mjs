// What a newcomer gets wrong, in Node with the packed package: each call ends with an error that says what was expected, what was found and what
// to do, and none with a wrong answer.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { installTarball } from "../web/support/app.mjs";
import { ROOT } from "../web/support/browser.mjs";

const { Model, NanolmError } = await import(pathToFileURL(join(installTarball("misuse-app"), "dist/index.js")));
const TEXT = "The bridge was built by Ada Lovelace in 1850. It crosses the river. It fell down in 1900 after a storm.";

let model;
let server;
let origin;
before(async () => {
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    response.writeHead(pathname === "/gated.gguf" ? 401 : 404).end("Not found");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${server.address().port}`;
  model = await Model.load();
});
after(async () => {
  await model?.dispose();
  server?.close();
});

/** The error of a call, as it is shown. */
async function failure(call) {
  try {
    const value = await call();
    await (value instanceof Model ? value.dispose() : undefined);
    return { code: "none", message: `no error, but ${String(value)}` };
  } catch (error) {
    assert.ok(error instanceof NanolmError, error.stack);
    return error;
  }
}

async function listOf(stream) {
  const texts = [];
  for await (const piece of stream) texts.push(String(piece));
  return texts;
}

const table = (cases) => {
  for (const [name, call, code, message] of cases) {
    test(name, async () => {
      const error = await failure(call);
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
    });
  }
};

describe("a source that is none", () => {
  const load = (...given) => () => Model.load(...given);
  table([
    ["an empty string, which would be the page itself", load(""), "option/invalid", /source: expected an address, found ""/],
    ["white space", load(" \n"), "option/invalid", /source: expected an address/],
    ["a promise", load(Promise.resolve("/model.gguf")), "option/invalid", /found a promise: await it first/],
    ["options in its place", load({ device: "cpu" }), "option/invalid", /options behind it: Model\.load\(undefined, \{ … \}\), found an object with device/],
    ["options in its place, of check", () => Model.check({ hub: "https://hub.example" }), "option/invalid", /options behind it/],
    ["an empty list", load([]), "option/invalid", /at least one file, found an empty array/],
    ["one file of a folder", load(`${origin}/model.safetensors`), "option/invalid", /the folder with all files of a model: \S+\/, found "model\.safetensors"/],
    ["an ONNX file", load("https://hub.invalid/onnx/model_q4.onnx"), "model/unsupported", /found an ONNX file, supported: GGUF, or a Hugging Face folder/],
    ["a PyTorch checkpoint", load("https://hub.invalid/pytorch_model.bin"), "model/unsupported", /found a PyTorch checkpoint/],
    ["an id without a hub", load("Xenova/all-MiniLM-L6-v2"), "download/status", /found none.* was read as a path\. .*\{ hub: "https:\/\/huggingface\.co" \}/],
    ["another package's name", load("Llama-3.2-1B-Instruct-q4f16_1-MLC"), "download/status", /was read as a path/],
    ["an id behind another package's mark", load("hf:owner/name"), "download/network", /"hf:owner\/name" was read as an address\. For a model on a hub/],
    ["a hub that is no address", load("owner/name", { hub: "huggingface" }), "option/invalid", /option hub: expected the address of a hub.*found "huggingface"/],
    ["a page about files", load("https://github.com/owner/name/blob/main/model.gguf?none"), "download/network", /raw\.githubusercontent\.com/],
  ]);

  test("a folder without a model, and a file that wants a sign-in", async () => {
    const folder = await failure(() => Model.load(`${origin}/folder/`));
    assert.match(folder.message, /config\.json: expected the file, found status 404.*where there are GGUF files, give the address of one of them/);
    const gated = await failure(() => Model.load(`${origin}/gated.gguf`));
    assert.equal(gated.details.status, 401);
    assert.match(gated.message, /wants a sign-in/);
  });
});

test("the address of a model's page on the hub is that of its files", async () => {
  const { fileAddress } = await import(pathToFileURL(join(ROOT, "pkg-scripts/npm/dist/files/hub.js")));
  const hub = "https://huggingface.co";
  for (const [page, files] of [
    ["/owner/name", "/owner/name/resolve/main/"],
    ["/owner/name/", "/owner/name/resolve/main/"],
    ["/owner/name/tree/v2", "/owner/name/resolve/v2/"],
    ["/owner/name/tree/main/onnx", "/owner/name/resolve/main/onnx/"],
    ["/owner/name/blob/main/name-Q4_K_M.gguf", "/owner/name/resolve/main/name-Q4_K_M.gguf"],
    ["/owner/name/resolve/main/name.gguf?download=true", "/owner/name/resolve/main/name.gguf?download=true"],
    ["/datasets/owner", "/datasets/owner"],
    ["/name.gguf", "/name.gguf"],
  ]) {
    assert.equal(fileAddress(new URL(hub + page)).href, hub + files);
  }
  const own = new URL("https://example.org/owner/name");
  assert.equal(fileAddress(own), own);
});

describe("options that are none", () => {
  table([
    ["bytes", () => Model.load(undefined, new Uint8Array(145e6)), "option/invalid", /options: expected an object, found a Uint8Array of 145000000 bytes/],
    ["a list", () => Model.load(undefined, ["cpu"]), "option/invalid", /options: expected an object, found an array of 1/],
    ["a letter wrong", () => Model.load(undefined, { devcie: "cpu" }), "option/invalid", /option devcie: .*found an unknown option\. Did you mean device\?/],
    ["transformers.js' name of the progress", () => Model.load(undefined, { progress_callback() {} }), "option/invalid", /Did you mean onProgress\?/],
    ["transformers.js' name of the type", () => Model.load(undefined, { dtype: "q4" }), "option/invalid", /Did you mean quantize\?/],
    ["a flag that is none", () => Model.load(undefined, { cache: "no" }), "option/invalid", /option cache: expected true or false, found "no"/],
    ["the engine's options, too", () => model.generate("x", { max_tokens: 3 }).text(), "option/invalid", /Did you mean maxNewTokens\?/],
    ["in snakes", () => model.generate("x", { top_p: 0.5 }).text(), "option/invalid", /Did you mean topP\?/],
    ["how many, of keywords", () => model.extractKeywords(TEXT, { top: 3 }), "option/invalid", /Did you mean limit\?/],
    ["how many, of ranks", () => model.rank("x", ["y"], { topK: 3 }), "option/invalid", /expected one of top, .*Did you mean top\?/],
    ["what is like nothing", () => model.summarize(TEXT, { zebra: 1 }).text(), "option/invalid", /found an unknown option$/],
    ["of tokenize", () => model.tokenize("x", { addSpecials: true }), "option/invalid", /Did you mean addSpecial\?/],
    ["a language in place of options", () => model.translate(TEXT, "de").text(), "option/invalid", /such as \{ to: "de" \}, found "de"/],
  ]);
});

describe("arguments that are none", () => {
  table([
    ["a text that is not there yet", () => model.summarize(Promise.resolve(TEXT)).text(), "option/invalid", /option text: expected a string, found a promise: await it first/],
    ["an object", () => model.summarize({ text: TEXT }).text(), "option/invalid", /found an object with text$/],
    ["several texts", () => model.extractKeywords([TEXT, TEXT]), "option/invalid", /found an array of 2$/],
    ["nothing to tokenize", () => model.tokenize(undefined), "option/invalid", /option text: expected a string, found undefined/],
    ["a text to detokenize", () => model.detokenize("text"), "option/invalid", /option ids: expected token ids.*found "text"/],
    ["a fraction of a token", () => model.detokenize([1, 2.5]), "option/invalid", /option ids\[1\]: expected a whole number of at least 0, found 2\.5/],
    ["a token below 0", () => model.detokenize([-1]), "option/invalid", /option ids\[0\]: .*found -1/],
    ["no number", () => model.detokenize([Number.NaN]), "option/invalid", /option ids\[0\]: .*found NaN/],
    ["no query", () => model.rank(undefined, ["a"]), "option/invalid", /option query: expected a string or a vector/],
    ["no messages", () => model.chat(null).text(), "option/invalid", /option messages: expected a string, or an array of messages, found null/],
    ["an empty conversation", () => model.chat([]).text(), "option/invalid", /at least one message, found an empty array/],
  ]);

  test("who makes a model by `new` is told how it is made", () => {
    assert.throws(() => new Model(), /await Model\.load\(source\)/);
  });
});

test("where WebAssembly is turned off, loading says so, and so does the check", async () => {
  const kept = globalThis.WebAssembly;
  delete globalThis.WebAssembly;
  try {
    const error = await failure(() => Model.load());
    assert.equal(error.code, "worker/wasm");
    assert.match(error.message, /there is no WebAssembly here.*Lockdown Mode/);
    const { fits, code, reason } = await Model.check();
    assert.deepEqual([fits, code, reason], [false, "worker/wasm", "there is no WebAssembly here"]);
  } finally {
    globalThis.WebAssembly = kept;
  }
});

describe("what comes back", () => {
  test("a stream is not taken for its text", async () => {
    const stream = model.summarize(TEXT);
    for (const use of [() => `${stream}`, () => ["x"].concat(stream).join(), () => String(stream)]) {
      assert.throws(use, { code: "option/invalid", message: /a stream of text was used as the text itself.*await stream\.text\(\)/ });
    }
    assert.ok((await stream.text()).length > 0);
  });

  test("a piece is, and an object like any other besides", async () => {
    const text = await model.summarize(TEXT).text();
    let joined = "";
    for await (const piece of model.summarize(TEXT)) {
      joined += piece;
      assert.deepEqual(Object.keys(piece).sort(), ["logprob", "text", "tokenId"]);
      assert.deepEqual(structuredClone(piece), { ...piece });
    }
    assert.equal(joined, text);
    assert.equal(await new Response(model.summarize(TEXT).pipeThrough(new TextEncoderStream())).text(), text);
    const [one, other] = model.summarize(TEXT, { type: "key-points" }).tee();
    const [texts, again] = await Promise.all([one, other].map(listOf));
    assert.ok(texts.length > 1);
    assert.deepEqual(texts, again);
  });

  test("an error as JSON has everything", async () => {
    const error = await failure(() => model.translate(TEXT, { to: "de" }).text());
    const { name, code, message, details } = JSON.parse(JSON.stringify(error));
    assert.deepEqual([name, code, message], ["UnsupportedError", "task/unsupported", error.message]);
    assert.deepEqual(details, error.details);
  });

  test("a conversation may begin with a string", async () => {
    const options = { maxNewTokens: 6, seed: 1 };
    const said = await model.chat("Hello", options).text();
    assert.equal(await model.chat([{ role: "user", content: "Hello" }], options).text(), said);
    assert.equal(await model.chat({ role: "user", content: "Hello" }, options).text(), said);
  });
});
