// What a model can be loaded from, and what is refused.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { openPage, serveApp } from "./support/app.mjs";
import { launch, ROOT } from "./support/browser.mjs";

const MODEL = "/golden/tiny-llama/model-q8_0.gguf";
const SIZE = readFileSync(join(ROOT, "tests", MODEL.slice(1))).length;

let app;
let browser;
let page;
before(async () => {
  app = await serveApp();
  browser = await launch();
});
beforeEach(async () => {
  page = await openPage(browser, app);
});
after(async () => {
  await browser?.close();
  await app?.close();
});

/** Loads in the page and gives what the model writes, or its error. */
const load = (source, options = {}) =>
  page.evaluate(
    async ([source, options]) => {
      const progress = [];
      try {
        const model = await nanolm.Model.load(source, {
          device: "cpu",
          ...options,
          onProgress: ({ phase, loaded, total }) => progress.push([phase, loaded, total]),
        });
        const text = await model.generate("The keeper", { maxNewTokens: 4 }).text();
        await model.dispose();
        return { text, progress };
      } catch (error) {
        return { error: shown(error), progress };
      }
    },
    [source, options],
  );

describe("sources", () => {
  test("an address, a Blob, a File, buffers, files by name and a list of files give the same model", async () => {
    const texts = await page.evaluate(async (path) => {
      const bytes = async (path) => (await fetch(path)).arrayBuffer();
      const folder = "/golden/tiny-llama/";
      const gguf = await bytes(path);
      const sources = {
        address: path,
        url: new URL(path, location.href),
        blob: new Blob([gguf]),
        file: new File([gguf], "any name.gguf"),
        buffer: gguf,
        view: new Uint8Array(gguf),
        part: new Uint8Array(await new Blob(["before", gguf, "after"]).arrayBuffer()).subarray(6, 6 + gguf.byteLength),
      };
      const whole = {
        folder,
        named: {
          "config.json": await bytes(`${folder}config.json`),
          "model.safetensors": new Blob([await bytes(`${folder}model.safetensors`)]),
          "tokenizer.json": `${folder}tokenizer.json`,
        },
        list: [
          new File([await bytes(`${folder}config.json`)], "config.json"),
          new File([await bytes(`${folder}model.safetensors`)], "model.safetensors"),
          new File([await bytes(`${folder}tokenizer.json`)], "tokenizer.json"),
          new File([await bytes(`${folder}generation_config.json`)], "generation_config.json"),
        ],
      };
      const run = async (source) => {
        const model = await nanolm.Model.load(source, { device: "cpu" });
        const text = await model.generate("The keeper", { maxNewTokens: 8 }).text();
        await model.dispose();
        return text;
      };
      const texts = [{}, {}];
      for (const [name, source] of Object.entries(sources)) texts[0][name] = await run(source);
      for (const [name, source] of Object.entries(whole)) texts[1][name] = await run(source);
      return { texts, still: gguf.byteLength };
    }, MODEL);
    assert.equal(new Set(Object.values(texts.texts[0])).size, 1, JSON.stringify(texts.texts[0]));
    assert.equal(new Set(Object.values(texts.texts[1])).size, 1, JSON.stringify(texts.texts[1]));
    assert.equal(texts.still, SIZE, "the caller's buffer is still his");
  });

  test("a split GGUF file by the address of one part, and a folder with weights in parts", async () => {
    const whole = await load("/golden/tiny-llama/model-q4_0.gguf");
    for (const part of ["00001", "00003"]) {
      const split = await load(`/golden/split/model-${part}-of-00003.gguf`);
      assert.equal(split.error, undefined, JSON.stringify(split.error));
      assert.equal(split.text, whole.text);
      const [phase, loaded, total] = split.progress.findLast(([phase]) => phase === "download");
      const size = [1, 2, 3].reduce((sum, i) => sum + readFileSync(join(ROOT, `tests/golden/split/model-0000${i}-of-00003.gguf`)).length, 0);
      assert.deepEqual([phase, loaded, total], ["download", size, size]);
    }
    const folder = await load("/golden/tiny-llama/");
    const sharded = await load("/golden/split/", { cache: false });
    assert.equal(sharded.error, undefined, JSON.stringify(sharded.error));
    assert.equal(sharded.text, folder.text);
    assert.match((await load("/golden/split/model-00001-of-00004.gguf")).error.message, /00001-of-00004\.gguf: expected the file, found status 404/);
  });

  test("a folder of plain floats in blocks is the GGUF file that has them", async () => {
    const folder = "/golden/tiny-llama/";
    const [blocks, loaded] = [await load(MODEL), await load(folder, { quantize: "q8_0" })];
    assert.equal(loaded.error, undefined);
    const score = (source, quantize) =>
      page.evaluate(
        async ([source, quantize]) => {
          const model = await nanolm.Model.load(source, { device: "cpu", quantize });
          const pieces = [];
          for await (const { tokenId, logprob } of model.generate("The keeper", { maxNewTokens: 12, temperature: 0 })) pieces.push([tokenId, logprob]);
          await model.dispose();
          return pieces;
        },
        [source, quantize],
      );
    // The two kinds of files order the elements of heads differently, and with them sums of f32.
    const [ours, theirs] = [await score(folder, "q8_0"), await score(MODEL)];
    assert.deepEqual(ours.map(([id]) => id), theirs.map(([id]) => id));
    for (const [at, [, logprob]] of ours.entries()) assert.ok(Math.abs(logprob - theirs[at][1]) < 3e-4, `${logprob} at ${at} for ${theirs[at][1]}`);
    assert.equal(loaded.text, blocks.text);
    const [plain, four] = [await score(folder), await score(folder, "q4_0")];
    assert.notDeepEqual(four, plain);
    const refused = await load(folder, { quantize: "q3" });
    assert.equal(refused.error.code, "option/invalid");
    assert.match(refused.error.message, /q4_k/);
  });

  test("what cannot run is refused by its header, before the rest is downloaded", async () => {
    const refused = await page.evaluate(async (path) => {
      const gguf = new Uint8Array(await (await fetch(path)).arrayBuffer());
      const at = gguf.findIndex((_, i) => "llama".split("").every((c, k) => gguf[i + k] === c.charCodeAt(0)));
      gguf.set(new TextEncoder().encode("mambo"), at);
      const rest = new Blob([gguf, new Uint8Array(64 << 20)]);
      const progress = [];
      try {
        await nanolm.Model.load(new File([rest], "model.gguf"), { device: "cpu", onProgress: (p) => progress.push(p.loaded) });
        return {};
      } catch (error) {
        return { error: shown(error), read: Math.max(0, ...progress), size: rest.size };
      }
    }, MODEL);
    assert.equal(refused.error.code, "model/unsupported");
    assert.match(refused.error.message, /mambo/);
    assert.ok(refused.read < refused.size / 4, `${refused.read} of ${refused.size} bytes were read`);
  });

  test("what pages have at hand: input.files, sets and maps of files, a Response, shared memory", async () => {
    const isolated = await serveApp({ isolated: true });
    page = await openPage(browser, isolated);
    const texts = await page.evaluate(async (path) => {
      const gguf = await (await fetch(path)).arrayBuffer();
      const file = new File([gguf], "a.gguf");
      const transfer = new DataTransfer();
      transfer.items.add(file);
      const input = Object.assign(document.createElement("input"), { type: "file" });
      input.files = transfer.files;
      const shared = new SharedArrayBuffer(gguf.byteLength + 8);
      new Uint8Array(shared).set(new Uint8Array(gguf), 8);
      const sources = {
        list: input.files,
        set: new Set([file]),
        map: new Map([["model.gguf", path]]),
        response: await fetch(path),
        named: { "model.gguf": await fetch(path) },
        shared: new Uint8Array(shared, 8),
      };
      const texts = {};
      for (const [name, source] of Object.entries(sources)) {
        const model = await nanolm.Model.load(source, { device: "cpu", threads: 1 });
        texts[name] = await model.generate("The keeper", { maxNewTokens: 8 }).text();
        await model.dispose();
      }
      return texts;
    }, MODEL);
    await isolated.close();
    assert.equal(Object.keys(texts).length, 6);
    assert.equal(new Set(Object.values(texts)).size, 1, JSON.stringify(texts));
  });

  test("a Response that was read, or that is an error", async () => {
    const [used, missing] = await page.evaluate(async (path) => {
      const used = await fetch(path);
      await used.arrayBuffer();
      return [await failure(nanolm.Model.load(used)), await failure(nanolm.Model.load(await fetch("/golden/none.gguf")))];
    }, MODEL);
    assert.equal(used?.code, "option/invalid", JSON.stringify(used));
    assert.equal(missing?.code, "download/status", JSON.stringify(missing));
  });

  test("an id of a hub is found where `hub` says, and nowhere else", async () => {
    const from = app.requests.length;
    const [plain, folder, file, revision] = await page.evaluate(async () => [
      await failure(nanolm.Model.load("owner/name")),
      await failure(nanolm.Model.load("owner/name", { hub: `${location.origin}/hub` })),
      await failure(nanolm.Model.load("owner/name/q8.gguf", { hub: `${location.origin}/hub/` })),
      await failure(nanolm.Model.load("owner/name@v1.0", { hub: `${location.origin}/hub/` })),
    ]);
    for (const error of [plain, folder, file, revision]) assert.equal(error?.code, "download/status", JSON.stringify(error));
    assert.match(plain.message, /hub: "https:/, "the message says what to write");
    const paths = app.requests.slice(from).map(({ path }) => path);
    for (const path of [
      "/owner/name", "/hub/owner/name/resolve/main/config.json", "/hub/owner/name/resolve/main/q8.gguf", "/hub/owner/name/resolve/v1.0/config.json",
    ]) {
      assert.ok(paths.includes(path), `${path} in ${paths.join(", ")}`);
    }
    assert.deepEqual(page.foreign, []);
  });

  test("what is no signal, no function or no options is refused, and a message is no longer than two kilobytes", async () => {
    const errors = await page.evaluate(async (path) => {
      const failed = (call) => failure((async () => call())());
      const model = await nanolm.Model.load(path, { device: "cpu" });
      const errors = [
        await failed(() => nanolm.Model.load(path, { signal: {} })),
        await failed(() => nanolm.Model.load(path, null)),
        await failed(() => model.generate("a", { signal: {} })),
        await failed(() => model.generate("a", { onProgress: 7 })),
        await failed(() => model.generate("a", null)),
        await failed(() => model.extractKeywords("a", { signal: "stop" })),
        await failed(() => model.generate(Object.create(null))),
        await failed(() => nanolm.Model.load(path, { device: "x".repeat(100_000) })),
        await failed(() => model.generate("a", { ["y".repeat(100_000)]: 1 }).text()),
      ];
      await model.dispose();
      return errors;
    }, MODEL);
    for (const error of errors) {
      assert.equal(error?.code, "option/invalid", JSON.stringify(error)?.slice(0, 500));
      assert.ok(error.message.length <= 2048, `${error.message.length} characters`);
    }
  });

  test("a missing optional file is none", async () => {
    const { text } = await load("/golden/tiny-llama/", {});
    assert.ok(text.length > 0);
  });

  test("what is no source", async () => {
    const errors = await page.evaluate(async () => {
      const wrong = { number: 42, nothing: null, empty: [], none: {}, nested: { "a.gguf": 7 }, address: "http://[" };
      const errors = [];
      for (const [name, source] of Object.entries(wrong)) errors.push([name, await failure(nanolm.Model.load(source))]);
      errors.push(["device", await failure(nanolm.Model.load(undefined, { device: "tpu" }))]);
      errors.push(["option", await failure(nanolm.Model.load(undefined, { devcie: "cpu" }))]);
      return errors;
    });
    for (const [name, error] of errors) {
      assert.equal(error?.code, "option/invalid", `${name}: ${JSON.stringify(error)}`);
      assert.equal(error.className, "OptionError");
    }
  });

  test("a folder without its config", async () => {
    const error = await page.evaluate(async () => {
      const files = { "model.safetensors": "/golden/tiny-llama/model.safetensors" };
      return failure(nanolm.Model.load(files, { device: "cpu" }));
    });
    assert.equal(error?.code, "model/missing-file", JSON.stringify(error));
    assert.equal(error.className, "ModelFileError");
  });
});
