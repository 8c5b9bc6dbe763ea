import { Translator } from "/nanolm/built-in-ai/index.js";
import { echo, endsWithCreation, endsWithObject, endsWithSignal, inFrames, keepsQuota, looksLike, monitorEndsWithSignal, monitorMayThrow, OTHER, RANDOM, setModel, STATES, streamEndsWithSignal, tellsMonitor, TEXT, textOf } from "./common.js";
import { is, ok, oneOf, rejects, same, suite, throws } from "./harness.js";
import { NO_TAGS, VARIATIONS } from "./tags.js";

const PAIR = { sourceLanguage: "en", targetLanguage: "ja" };
const create = async (options = {}) => {
  setModel(RANDOM);
  return Translator.create({ ...PAIR, ...options });
};
const calls = [(it) => it.translate(TEXT), (it) => it.measureInputUsage(TEXT)];
const ABORTED = () => AbortSignal.abort();

suite("Translator", "translator/translator-bad-input", {
  "create() without options is a TypeError": () => rejects(Translator.create(), "TypeError"),
  "create() without a target is a TypeError": () => rejects(Translator.create({ sourceLanguage: "en" }), "TypeError"),
  "create() without a source is a TypeError": () => rejects(Translator.create({ targetLanguage: "en" }), "TypeError"),
});

for (const method of ["create", "availability"]) {
  suite("Translator", "translator/translator-locale", {
    [`${method}() with what is no language tag is a RangeError`]: async () => {
      const tags = Object.values(VARIATIONS).flat();
      for (const wrong of NO_TAGS) {
        for (const right of [...tags, ...NO_TAGS]) {
          await rejects(Translator[method]({ sourceLanguage: wrong, targetLanguage: right }), "RangeError");
          await rejects(Translator[method]({ sourceLanguage: right, targetLanguage: wrong }), "RangeError");
        }
      }
    },
  });
}

suite("Translator", "translator/translator", {
  "what the monitor throws is the rejection, before languages are looked at": () => monitorMayThrow((options) => Translator.create({ ...options, sourceLanguage: "und", targetLanguage: "und" })),
});

suite("Translator", "translator/translator-create-user-activation", {
  "create() needs a visitor's gesture where something has to be downloaded": async () => {
    setModel(RANDOM);
    await rejects(Translator.create(PAIR), "NotAllowedError");
  },
});

suite("Translator", "translator/translator.optional", {
  "it is available once one was made": async () => {
    await create();
    is(await Translator.availability(PAIR), "available");
    await Translator.create(PAIR);
  },
  "translate() translates": async () => is(await (await create()).translate("hello"), "こんにちは"),
  "translate() gives what the model translated": async () => {
    setModel(echo);
    is(await (await Translator.create(PAIR)).translate("hello"), "hello (translated)");
  },
  "translateStreaming() gives the same": async () => {
    setModel(echo);
    is(await textOf((await Translator.create(PAIR)).translateStreaming("hello")), "hello (translated)");
  },
  "a stream goes on after a collection of garbage": async () => {
    const stream = await (async () => (await create()).translateStreaming("hello"))();
    globalThis.gc?.();
    ok((await textOf(stream)).length > 0, "a text");
  },
  "its languages are those that it was made with": async () => {
    const { sourceLanguage, targetLanguage } = await create();
    same({ sourceLanguage, targetLanguage }, PAIR);
  },
  "create() with an aborted signal": () => rejects(create({ signal: ABORTED() }), "AbortError"),
  "create() ends with its signal": () => endsWithSignal((signal) => create({ signal })),
  "translate() with an aborted signal": async () => rejects((await create()).translate("hello", { signal: ABORTED() }), "AbortError"),
  "translate() ends with its signal": async () => {
    const it = await create();
    await endsWithSignal((signal) => it.translate("hello", { signal }));
  },
  "translateStreaming() ends with its signal": async () => {
    const it = await create();
    await streamEndsWithSignal((signal) => it.translateStreaming("hello", { signal }));
  },
  "destroy() ends what runs and what comes": () => endsWithObject(create, calls),
  "destroy() ends a stream": async () => {
    const it = await create();
    const stream = it.translateStreaming(TEXT);
    it.destroy();
    await rejects(stream.pipeTo(new WritableStream()), "AbortError");
    throws(() => it.translateStreaming(TEXT), "AbortError");
  },
  "the signal of create() does so, too": () => endsWithCreation(create, calls),
  "the monitor is told of the download": () => tellsMonitor(create),
  "the monitor is told nothing after an abort": () => monitorEndsWithSignal(create),
  "what has nothing to translate is given back": async () => {
    setModel(echo);
    const it = await Translator.create(PAIR);
    const blank = ["", " ", "     ", " \r\n\t\f", ...Array.from({ length: 0x1f }, (_, code) => String.fromCharCode(code))];
    for (const text of blank) is(await it.translate(text), text);
    for (const text of blank) ok((await it.translate(`Hello ${text} world`)) !== `Hello ${text} world`, "a translation");
  },
  "a text beyond the quota is a QuotaExceededError": async () => {
    const it = await create();
    await keepsQuota(it, "hello", () => it.translate("hello"));
  },
  "measureInputUsage() with an aborted signal": async () => rejects((await create()).measureInputUsage("hello", { signal: ABORTED() }), "AbortError"),
  "measureInputUsage() ends with its signal": async () => {
    const it = await create();
    await endsWithSignal((signal) => it.measureInputUsage("hello", { signal }));
  },
});

suite("Translator", "translator/translator-translate-concurrent.optional", {
  "two calls with the same text, and two with different ones": async () => {
    const it = await create();
    is((await Promise.all([it.translate(TEXT), it.translate(TEXT), it.translate(OTHER)])).length, 3);
  },
});
suite("Translator", "translator/translator-translate-streaming-concurrent.optional", {
  "two streams": async () => {
    const it = await create();
    is((await Promise.all([textOf(it.translateStreaming(TEXT)), textOf(it.translateStreaming(OTHER))])).length, 2);
  },
});
suite("Translator", "translator/translator-translate-post-abort", {
  "a call after an aborted one": async () => {
    const it = await create();
    const stop = new AbortController();
    const running = it.translate(TEXT, { signal: stop.signal });
    stop.abort();
    await rejects(running, "AbortError");
    ok((await it.translate(TEXT)).length > 0, "an answer");
  },
});
suite("Translator", "translator/translator-translate-streaming-post-abort", {
  "a stream after an aborted one": async () => {
    const it = await create();
    const stop = new AbortController();
    const running = it.translateStreaming(TEXT, { signal: stop.signal });
    stop.abort();
    await rejects(running.pipeTo(new WritableStream()), "AbortError");
    ok((await textOf(it.translateStreaming(TEXT))).length > 0, "a text");
  },
});
suite("Translator", "translator (as writer-availability)", {
  "availability() has a value for every pair": async () => {
    for (const sourceLanguage of ["en", "ja", "zu", "und", "unk"]) oneOf(await Translator.availability({ sourceLanguage, targetLanguage: "en" }), STATES);
  },
});

inFrames("Translator", "translator/translator-iframe");
looksLike(
  "Translator",
  { methods: ["translate", "measureInputUsage"], streams: ["translateStreaming"], attributes: { sourceLanguage: "string", targetLanguage: "string", inputQuota: "number" }, arity: 1 },
  create,
);
