import { LanguageDetector } from "/nanolm/built-in-ai/index.js";
import { endsWithCreation, endsWithObject, endsWithSignal, frame, inFrames, keepsQuota, looksLike, monitorEndsWithSignal, monitorMayThrow, OTHER, tellsMonitor, TEXT } from "./common.js";
import { is, ok, rejects, same, suite } from "./harness.js";
import { NO_TAGS, VARIATIONS } from "./tags.js";

const create = (options = {}) => LanguageDetector.create(options);
const calls = [(it) => it.detect(TEXT), (it) => it.measureInputUsage(TEXT)];
const isCanonical = (tag) => is(new Intl.Locale(tag).toString(), tag);

suite("LanguageDetector", "language_detection/detector", {
  "create() needs a visitor's gesture where something has to be downloaded": async () => {
    is(await LanguageDetector.availability(), "downloadable");
    await rejects(create(), "NotAllowedError");
  },
  "it is available once one was made": async () => {
    await create();
    is(await LanguageDetector.availability(), "available");
    await create();
  },
  "detect() gives what the specification says of its results": async () => {
    const results = await (await create()).detect(TEXT);
    const und = results.pop();
    is(und.detectedLanguage, "und");
    ok(und.confidence > 0, "something left");
    let [sum, last] = [0, 1];
    for (const { detectedLanguage, confidence } of results) {
      isCanonical(detectedLanguage);
      ok(confidence > und.confidence && confidence <= last, "falling confidences above what is left");
      sum += confidence;
      last = confidence;
    }
    ok(results.length === 0 || sum - last < 0.99, "no language behind 0.99");
    ok(sum + und.confidence <= 1 + 1e-12, "no more than 1 in all");
  },
  "what the monitor throws is the rejection": () => monitorMayThrow(create),
  "the monitor is told of the download": () => tellsMonitor(create),
  "the monitor is told nothing after an abort": () => monitorEndsWithSignal(create),
  "create() with an aborted signal": () => rejects(create({ signal: AbortSignal.abort() }), "AbortError"),
  "create() ends with its signal": () => endsWithSignal((signal) => create({ signal })),
  "destroy() ends what runs and what comes": () => endsWithObject(create, calls),
  "the signal of create() does so, too": () => endsWithCreation(create, calls),
  "detect() with an aborted signal": async () => rejects((await create()).detect(TEXT, { signal: AbortSignal.abort() }), "AbortError"),
  "detect() ends with its signal": async () => {
    const it = await create();
    await endsWithSignal((signal) => it.detect(TEXT, { signal }));
  },
  "a text beyond the quota is a QuotaExceededError": async () => {
    const it = await create();
    const long = TEXT.repeat(10_000);
    await keepsQuota(it, long, () => it.detect(long));
  },
  "measureInputUsage() with an aborted signal": async () => rejects((await create()).measureInputUsage(TEXT, { signal: AbortSignal.abort() }), "AbortError"),
  "measureInputUsage() ends with its signal": async () => {
    const it = await create();
    await endsWithSignal((signal) => it.measureInputUsage(TEXT, { signal }));
  },
  "without expected languages it has none": async () => same([(await create()).expectedInputLanguages, (await create({ expectedInputLanguages: [] })).expectedInputLanguages], [null, null]),
});

suite("LanguageDetector", "language_detection/detector-locale", {
  "availability() is the same for all variations of a tag": async () => {
    for (const [language, variations] of Object.entries(VARIATIONS)) {
      const state = await LanguageDetector.availability({ expectedInputLanguages: [language] });
      for (const tags of [...variations.map((tag) => [tag]), variations]) is(await LanguageDetector.availability({ expectedInputLanguages: tags }), state, String(tags));
    }
  },
  "expectedInputLanguages are canonical, each once": async () => {
    for (const [language, variations] of Object.entries(VARIATIONS)) {
      const { expectedInputLanguages } = await create({ expectedInputLanguages: [...variations, ...variations] });
      is(new Set(expectedInputLanguages).size, expectedInputLanguages.length, "how many differ");
      for (const tag of expectedInputLanguages) {
        isCanonical(tag);
        is(new Intl.Locale(tag).language, language);
      }
    }
  },
  "create() with what is no language tag is a RangeError": async () => {
    for (const tags of [...NO_TAGS.map((tag) => [tag]), NO_TAGS]) await rejects(create({ expectedInputLanguages: tags }), "RangeError");
  },
  "availability() with what is no language tag is a RangeError": async () => {
    for (const tags of [...NO_TAGS.map((tag) => [tag]), NO_TAGS]) await rejects(LanguageDetector.availability({ expectedInputLanguages: tags }), "RangeError");
  },
});

const SENTENCES = {
  el: "Αυτό είναι ένα σύντομο παράδειγμα.",
  en: "This is a short example for you.",
  es: "Este es un ejemplo corto para usted.",
  fr: "Voici un court exemple pour vous.",
  hi: "यह आपके लिए एक छोटा सा उदाहरण है.",
  it: "Questo è un breve esempio per voi.",
  ja: "これは短い例です。",
  ko: "이것은 짧은 예입니다.",
  nl: "Dit is een kort voorbeeld voor u.",
  ru: "Это короткий пример для вас.",
  tr: "Bu sizin için kısa bir örnektir.",
  zh: "这是一个简短的例子。",
};
const MORE = {
  af: "Dit is 'n kort voorbeeld vir jou.",
  "el-Latn": "Afto einai ena syntomo paradeigma.",
  "hi-Latn": "yah aapke lie ek chhota sa udaaharan hai.",
  "ja-Latn": "Kore wa mijikai rei desu.",
  mi: "He tauira poto tenei mau.",
  sr: "Ово је кратак пример за вас.",
  zu: "Lesi yisibonelo esifushane sakho.",
};
const knows = async (sentences) => {
  const it = await create({ expectedInputLanguages: Object.keys(sentences) });
  for (const [tag, text] of Object.entries(sentences)) is((await it.detect(text))[0].detectedLanguage, tag, text);
};

suite("LanguageDetector", "language_detection/detector.optional", {
  "detect() knows widespread languages": () => knows(SENTENCES),
  "detect() knows rarer languages, and others in Latin letters": () => knows(MORE),
  "expectedInputLanguages are kept, and frozen": async () => {
    const { expectedInputLanguages } = await create({ expectedInputLanguages: ["en", "es"] });
    same(expectedInputLanguages, ["en", "es"]);
    ok(Object.isFrozen(expectedInputLanguages), "a frozen list");
  },
  "detect() of nothing is und": async () => same(await (await create()).detect(""), [{ detectedLanguage: "und", confidence: 1 }]),
});

suite("LanguageDetector", "language_detection/language-detector-detect-concurrent", {
  "two calls with the same text, and two with different ones": async () => {
    const it = await create();
    is((await Promise.all([it.detect(TEXT), it.detect(TEXT), it.detect(OTHER)])).length, 3);
  },
});
suite("LanguageDetector", "language_detection/language-detector-detect-post-abort", {
  "a call after an aborted one": async () => {
    const it = await create();
    const stop = new AbortController();
    const running = it.detect(TEXT, { signal: stop.signal });
    stop.abort();
    await rejects(running, "AbortError");
    ok((await it.detect(TEXT)).length > 0, "results");
  },
});
suite("LanguageDetector", "language_detection/availability-detached-crash", {
  "nothing breaks in a frame that is gone": async () => {
    const { window, remove } = await frame();
    const { LanguageDetector: Own, DOMException } = window;
    const it = await Own.create();
    remove();
    await rejects(Own.availability(), "InvalidStateError", { DOMException });
    await rejects(it.detect(TEXT), "InvalidStateError", { DOMException });
  },
});

inFrames("LanguageDetector", "language_detection/detector-iframe");
looksLike("LanguageDetector", { methods: ["detect", "measureInputUsage"], attributes: { expectedInputLanguages: "object", inputQuota: "number" } }, create);
