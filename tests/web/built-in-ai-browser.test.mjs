// nanolm/built-in-ai where the browser has its own, and Proofreader. The test's browser has no models: its classes are stand-ins here, and so is
// what a chat model answers to the proofreader, which a random model never does.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { installTarball, openPage, serveApp } from "./support/app.mjs";
import { launch } from "./support/browser.mjs";

let browser;
let app;
let page;
before(async () => {
  app = await serveApp();
  browser = await launch({ gpu: "none" });
  page = await openPage(browser, app);
  await page.evaluate(async () => {
    globalThis.ai = await import("/nanolm/built-in-ai/index.js");
    globalThis.NAMES = ["LanguageDetector", "LanguageModel", "Proofreader", "Rewriter", "Summarizer", "Translator", "Writer"];
    globalThis.PAIR = { sourceLanguage: "en", targetLanguage: "de" };
    // A class as the drafts have it: it says a state, and makes something or fails.
    globalThis.standIn = (name, state, failure) => {
      const Own = class {
        static asked = [];
        destroy() {}
        static async availability(options) {
          Own.asked.push(["availability", Object.keys(options).sort().join()]);
          if (state instanceof Error) throw state;
          return state;
        }
        static async create(options) {
          Own.asked.push(["create", Object.keys(options).sort().join()]);
          if (failure !== undefined) throw failure;
          options.signal?.throwIfAborted();
          return new Own();
        }
      };
      globalThis[name] = Own;
      return Own;
    };
    globalThis.told = async (promise) => {
      try {
        return { value: await promise };
      } catch (error) {
        return { name: error?.name, message: String(error?.message ?? error) };
      }
    };
  });
});
after(async () => {
  await browser?.close();
  await app?.close();
});

describe("prefer", () => {
  test("without it nanolm answers, and with it the browser where it has a model", async () => {
    const found = await page.evaluate(async () => {
      ai.useModel(await chatModel());
      const results = {};
      for (const name of NAMES) {
        const results_ = [];
        for (const [state, options] of [
          ["available", {}],
          ["available", { prefer: "nanolm" }],
          ["available", { prefer: "browser" }],
          ["downloadable", { prefer: "browser" }],
          ["downloadable", { prefer: "browser", browserDownload: true }],
          ["downloading", { prefer: "browser", browserDownload: true }],
          ["unavailable", { prefer: "browser", browserDownload: true }],
          [new TypeError("unknown"), { prefer: "browser" }],
        ]) {
          const Own = standIn(name, state);
          const said = await ai[name].availability({ ...PAIR, ...options });
          const made = await ai[name].create({ ...PAIR, ...options });
          results_.push(`${made instanceof Own ? "browser" : made instanceof ai[name] ? "nanolm" : "?"} ${said === state}`);
          if (results_.length === 3) results_.push(JSON.stringify(Own.asked));
          made.destroy?.();
        }
        delete globalThis[name];
        // Without a class of the browser's.
        results_.push((await ai[name].create({ ...PAIR, prefer: "browser" })) instanceof ai[name]);
        results[name] = results_;
      }
      return results;
    });
    const asked = '[["availability","sourceLanguage,targetLanguage"],["availability","sourceLanguage,targetLanguage"],["create","sourceLanguage,targetLanguage"]]';
    for (const [name, [none, nanolm, own, calls, later, allowed, during, unavailable, failed, without]] of Object.entries(found)) {
      assert.match(none, /^nanolm/, name);
      assert.match(nanolm, /^nanolm/, name);
      assert.equal(own, "browser true", name);
      assert.equal(calls, asked, name);
      assert.match(later, /^nanolm/, name);
      assert.deepEqual([allowed, during, unavailable, failed, without], ["browser true", "browser true", "nanolm false", "nanolm false", true], name);
    }
  });

  test("nanolm takes over where the browser's own fails, but not where a signal stopped it", async () => {
    const found = await page.evaluate(async () => {
      const Own = standIn("Summarizer", "available", new DOMException("No gesture.", "NotAllowedError"));
      const made = await ai.Summarizer.create({ prefer: "browser" });
      const tried = Own.asked.length;
      const reason = new RangeError("gone");
      const aborted = await told(ai.Summarizer.create({ prefer: "browser", signal: AbortSignal.abort(reason) }));
      const stop = new AbortController();
      globalThis.Summarizer = { availability: () => new Promise(() => stop.abort(reason)), create: () => {} };
      const hanging = await told(ai.Summarizer.create({ prefer: "browser", signal: stop.signal }));
      const wrong = await told(ai.Summarizer.create({ prefer: "mine" }));
      const type = await told(ai.Summarizer.create({ prefer: "browser", type: "poem" }));
      delete globalThis.Summarizer;
      return { made: made instanceof ai.Summarizer, tried, aborted: aborted.name, hanging: hanging.name, wrong: wrong.name, type: type.name };
    });
    assert.deepEqual(found, { made: true, tried: 2, aborted: "RangeError", hanging: "RangeError", wrong: "TypeError", type: "TypeError" });
  });

  test("the polyfill leaves the browser's alone until it is installed over them, which then still answer where they can", async () => {
    const found = await page.evaluate(async () => {
      const [Own, None] = [standIn("Summarizer", "available"), standIn("Writer", "unavailable")];
      const { install } = await import("/nanolm/built-in-ai/polyfill.js");
      const left = globalThis.Summarizer === Own && globalThis.Proofreader === ai.Proofreader;
      install({ prefer: "browser" });
      install({ prefer: "browser" });
      const placed = globalThis.Summarizer === ai.Summarizer && globalThis.Writer === ai.Writer;
      const made = [(await Summarizer.create()) instanceof Own, (await Writer.create()) instanceof ai.Writer, (await Summarizer.create({ prefer: "nanolm" })) instanceof ai.Summarizer];
      install();
      return { left, placed, made, back: (await Summarizer.create()) instanceof ai.Summarizer, asked: None.asked.length };
    });
    assert.deepEqual(found, { left: true, placed: true, made: [true, true, true], back: true, asked: 1 });
  });
});

describe("Proofreader", () => {
  test("needs a chat model, and says so", async () => {
    const found = await page.evaluate(async () => {
      ai.useModel(undefined);
      const said = [await ai.Proofreader.availability(), await told(ai.Proofreader.create())];
      ai.useModel(await chatModel());
      const german = { includeCorrectionExplanations: true, correctionExplanationLanguage: "de" };
      return [...said, await ai.Proofreader.availability(), await ai.Proofreader.availability(german), (await told(ai.Proofreader.create(german))).name];
    });
    assert.equal(found[0], "unavailable");
    assert.equal(found[1].name, "NotSupportedError");
    assert.match(found[1].message, /Proofreader needs a chat model: name one with useModel/);
    assert.deepEqual(found.slice(2), ["available", "unavailable", "NotSupportedError"]);
  });

  test("says what was corrected, and takes nothing that was written anew", async () => {
    const found = await page.evaluate(async () => {
      const real = await chatModel();
      let answers = [];
      const model = new Proxy(real, {
        get: (_, name) => {
          if (name === "chat") return async function* () { yield { text: answers.shift() }; };
          const value = Reflect.get(real, name, real);
          return typeof value === "function" ? value.bind(real) : value;
        },
      });
      ai.useModel(model);
      const plain = await ai.Proofreader.create();
      const all = await ai.Proofreader.create({ includeCorrectionTypes: true, includeCorrectionExplanations: true, expectedInputLanguages: ["EN"], correctionExplanationLanguage: "en" });
      const say = (proofreader, text, ...said) => ((answers = said), told(proofreader.proofread(text)));
      const result = {
        has: [plain.includeCorrectionTypes, plain.expectedInputLanguages, all.includeCorrectionExplanations, all.expectedInputLanguages, all.correctionExplanationLanguage],
        blank: [await say(plain, ""), await say(plain, " \n")],
        right: await say(plain, "All is well.", "All is well."),
        fixed: await say(all, "can you profread fir me", '"Can you proofread for me?"'),
        lines: await say(plain, " I seen 2 ships.\n\nThey was big\n", "I saw 2 ships.", "They were bigger than all the ships that anybody in the town had seen before."),
        number: await say(plain, "It has 12 legs.", "It has 8 legs."),
        name: await say(plain, "i met the keeper.", "I met Jonathan."),
        anew: await say(plain, "The lamp is lit every evening.", "Sure! Here is a poem about lighthouses and the sea."),
      };
      ai.useModel(real);
      const random = await ai.Proofreader.create();
      const written = await told(random.proofread("The lamp is lit every evening."));
      random.destroy();
      return { ...result, written: written.name ?? written.value.corrections, gone: (await told(random.proofread("a"))).name };
    });
    assert.deepEqual(found.has, [false, null, true, ["en"], "en"]);
    assert.deepEqual(found.blank, [{ value: { correctedInput: "" } }, { value: { correctedInput: " \n" } }]);
    assert.deepEqual(found.right.value, { correctedInput: "All is well.", corrections: [] });
    const { correctedInput, corrections } = found.fixed.value;
    assert.equal(correctedInput, "Can you proofread for me?");
    assert.deepEqual(corrections.map(({ startIndex, endIndex, correction, types }) => [startIndex, endIndex, correction, types]), [
      [0, 3, "Can", ["capitalization"]],
      [8, 16, "proofread", ["spelling"]],
      [17, 20, "for", ["spelling"]],
      [23, 23, "?", ["punctuation"]],
    ]);
    assert.equal(corrections[1].explanation, 'spelling: "profread" becomes "proofread".');
    // The second line was refused, and stays.
    assert.deepEqual(found.lines.value, { correctedInput: " I saw 2 ships.\n\nThey was big\n", corrections: [{ startIndex: 3, endIndex: 7, correction: "saw" }] });
    for (const name of ["number", "name", "anew"]) assert.equal(found[name].name, "UnknownError", name);
    assert.equal(found.written, "UnknownError");
    assert.equal(found.gone, "AbortError");
  });

  test("its corrections put in place give the corrected text, whatever the two texts are", async () => {
    const folder = installTarball("corrections");
    const { corrections } = await import(pathToFileURL(join(folder, "dist/built-in-ai/corrections.js")).href);
    const parts = ["a", "the", "The", "don't", "é", "e\u0301", "😀", "\ud83d", "$&", " ", "  ", "\n", ".", ",", "12"];
    let seed = 7;
    const draw = (n) => (seed = (seed * 48271) % 2147483647) % n;
    const text = () => Array.from({ length: draw(14) }, () => parts[draw(parts.length)]).join("");
    for (let i = 0; i < 3000; i++) {
      const [before, after] = [text(), text()];
      let applied = before;
      const found = corrections(before, after);
      for (const { startIndex, endIndex, correction } of [...found].reverse()) applied = applied.slice(0, startIndex) + correction + applied.slice(endIndex);
      assert.equal(applied, after, JSON.stringify([before, after]));
      assert.ok(found.every(({ startIndex, endIndex, correction }, k) => before.slice(startIndex, endIndex) !== correction && (k === 0 || startIndex > found[k - 1].endIndex)));
      if (before === after) assert.deepEqual(found, []);
    }
    assert.deepEqual(corrections("one two three", "one too three"), [{ startIndex: 4, endIndex: 7, correction: "too" }]);
  });
});
