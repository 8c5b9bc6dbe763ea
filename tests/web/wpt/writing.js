// What the web platform tests ask of Summarizer, Writer and Rewriter in the same words.
import { Rewriter, Summarizer, Writer } from "/nanolm/built-in-ai/index.js";
import {
  ABOUT,
  combinations,
  endsWithCreation,
  endsWithObject,
  endsWithSignal,
  frame,
  inFrames,
  keepsQuota,
  LONG_TEXT,
  monitorEndsWithSignal,
  monitorMayThrow,
  OTHER,
  RANDOM,
  setModel,
  STATES,
  streamEndsWithSignal,
  tellsMonitor,
  TEXT,
  textOf,
  USABLE,
} from "./common.js";
import { is, ok, oneOf, rejects, same, suite, throws } from "./harness.js";

const APIS = { Rewriter, Summarizer, Writer };

/** `file`: the beginning of the files' names. */
export function writing(api, { file, call, stream, defaults, values, supported, unsupported, prepare }) {
  const API = APIS[api];
  const create = async (options = {}) => {
    await prepare();
    return API.create(options);
  };
  const calls = [(it) => it[call](TEXT), (it) => it.measureInputUsage(TEXT)];
  const at = (name) => `${file}-${name}`;

  suite(api, at("abort"), {
    "create() ends with its signal": () => endsWithSignal((signal) => API.create({ signal })),
    [`${call}() ends with its signal`]: async () => {
      const it = await create();
      await endsWithSignal((signal) => it[call](TEXT, { signal }));
    },
    [`${stream}() ends with its signal`]: async () => {
      const it = await create();
      await streamEndsWithSignal((signal) => it[stream](TEXT, { signal }));
    },
    [`an abort after ${stream}() was read does nothing`]: async () => {
      const it = await create();
      const stop = new AbortController();
      await textOf(it[stream](TEXT, { signal: stop.signal }));
      stop.abort();
    },
  });

  suite(api, at("availability"), {
    "availability() is a function": () => is(typeof API.availability, "function"),
    "it has a value without options": async () => oneOf(await API.availability(), STATES),
    "it has a value for all plausible options": async () => {
      const languages = [[], ["en"], ["es"], ["jp", "fr"]];
      const all = combinations({ ...values, expectedInputLanguages: languages, expectedContextLanguages: languages, outputLanguage: [undefined, "en", "es", "jp", "fr"] });
      for (const options of all) oneOf(await API.availability(options), STATES, JSON.stringify(options));
    },
    "a malformed language tag is a RangeError": () => rejects(API.availability({ expectedInputLanguages: ["en-abc-invalid"] }), "RangeError"),
  });

  suite(api, at("availability-available"), {
    "it is usable without options": async () => oneOf((await prepare(), await API.availability()), USABLE),
    "it is usable with supported options": async () =>
      oneOf(await API.availability({ ...supported, expectedInputLanguages: ["en-GB"], expectedContextLanguages: ["en"], outputLanguage: "en" }), USABLE),
    "it is unavailable for languages that are not supported": async () => {
      const options = { ...supported, expectedInputLanguages: [unsupported], expectedContextLanguages: ["en"], outputLanguage: unsupported };
      is(await API.availability(options), "unavailable");
      await rejects(API.create(options), "NotSupportedError");
    },
  });

  suite(api, at("create"), {
    "create() is a function": () => is(typeof API.create, "function"),
    "what the monitor throws is the rejection": () => monitorMayThrow(create),
  });

  suite(api, at("create-user-activation"), {
    "create() needs a visitor's gesture where something has to be downloaded": async () => {
      setModel(api === "Summarizer" ? undefined : RANDOM);
      is(await API.availability(), "downloadable");
      await rejects(API.create(), "NotAllowedError");
    },
  });

  const wrong = Object.keys(values)[0];
  suite(api, at("create-available"), {
    "what is made has the defaults": async () => {
      const it = await create();
      same(Object.keys(defaults).map((name) => it[name]), Object.values(defaults));
      same([it.sharedContext, it.expectedInputLanguages, it.expectedContextLanguages, it.outputLanguage], ["", null, null, null]);
    },
    "the monitor is told of the download": () => tellsMonitor(create),
    "the monitor is told nothing after an abort": () => monitorEndsWithSignal(create),
    "sharedContext is kept": async () => is((await create({ sharedContext: ABOUT })).sharedContext, ABOUT),
    "every option is kept": async () => {
      for (const [name, each] of Object.entries(values)) {
        for (const value of each.filter((value) => value !== undefined && value !== "teaser")) is((await create({ [name]: value }))[name], value, name);
      }
    },
    "languages are kept": async () => {
      const it = await create({ expectedInputLanguages: ["en"], expectedContextLanguages: ["en"], outputLanguage: "en" });
      same([it.expectedInputLanguages, it.expectedContextLanguages, it.outputLanguage], [["en"], ["en"], "en"]);
      ok(Object.isFrozen(it.expectedInputLanguages), "a frozen list");
    },
    "language tags are brought into their canonical form, each once": async () =>
      same((await create({ expectedInputLanguages: ["EN", "en", "en-latn-gb"] })).expectedInputLanguages, ["en", "en-Latn-GB"]),
    "a malformed language tag is a RangeError": () => rejects(create({ expectedInputLanguages: ["en-abc-invalid"] }), "RangeError"),
    "a value that an option does not have is a TypeError": () => rejects(create({ [wrong]: "soup" }), "TypeError"),
  });

  suite(api, at("from-detached-iframe"), {
    "a frame may go while something is made in it": async () => {
      const { window, remove } = await frame();
      window[api].create().catch(() => {});
      remove();
    },
    "create() is an InvalidStateError in a frame that is gone": async () => {
      const { window, remove } = await frame();
      const [Own, { DOMException }] = [window[api], window];
      remove();
      await rejects(Own.create(), "InvalidStateError", { DOMException });
    },
    [`${call}() is an InvalidStateError in a frame that is gone`]: async () => {
      const { window, remove } = await frame();
      const { DOMException } = window;
      const it = await window[api].create();
      remove();
      await rejects(it[call](TEXT), "InvalidStateError", { DOMException });
    },
    [`${stream}() throws it`]: async () => {
      const { window, remove } = await frame();
      const { DOMException } = window;
      const it = await window[api].create();
      remove();
      throws(() => it[stream](TEXT), "InvalidStateError", { DOMException });
    },
    [`a frame may go while ${call}() runs in it`]: async () => {
      const { window, remove } = await frame();
      const it = await window[api].create();
      it[call](TEXT).catch(() => {});
      remove();
    },
  });

  inFrames(api, at("iframe"));

  suite(api, at("measureInputUsage"), {
    "it gives a number": async () => is(typeof (await (await create()).measureInputUsage(TEXT)), "number"),
    "the number is above 0 for a text": async () => ok((await (await create()).measureInputUsage(TEXT)) > 0, "more than 0"),
    "it ends with its signal": async () => {
      const it = await create();
      await endsWithSignal((signal) => it.measureInputUsage(TEXT, { signal }));
    },
    "a text beyond the quota is a QuotaExceededError": async () => {
      const it = await create();
      await keepsQuota(it, TEXT, () => it[call](TEXT));
    },
  });

  suite(api, at(call), {
    "nothing gives nothing": async () => is(await (await create())[call](""), ""),
    "white space gives none of the model's words": async () => is(await (await create())[call](" "), api === "Rewriter" ? " " : ""),
    "a context of white space changes nothing": async () => ok((await (await create())[call](LONG_TEXT, { context: " " })) !== "", "an answer"),
    "with a context it gives a string": async () => is(typeof (await (await create())[call](LONG_TEXT, { context: ABOUT })), "string"),
    "destroy() ends what runs and what comes": () => endsWithObject(create, calls),
    "the signal of create() does so, too": () => endsWithCreation(create, calls),
  });

  suite(api, at(`${call}-concurrent`), {
    "two calls with the same text": async () => {
      const it = await create();
      is((await Promise.all([it[call](LONG_TEXT), it[call](LONG_TEXT)])).length, 2);
    },
    "two calls with different texts": async () => {
      const it = await create();
      is((await Promise.all([it[call](LONG_TEXT), it[call](OTHER)])).length, 2);
    },
  });

  suite(api, at(`${call}-post-abort`), {
    "a call after an aborted one": async () => {
      const it = await create();
      const stop = new AbortController();
      const running = it[call](LONG_TEXT, { signal: stop.signal });
      stop.abort();
      await rejects(running, "AbortError");
      ok((await it[call](LONG_TEXT)).length > 0, "an answer");
    },
  });

  suite(api, at(`${call}-streaming`), {
    "a stream of a text that is not empty": async () => ok((await textOf((await create())[stream](LONG_TEXT))).length > 0, "a text"),
    "a stream of nothing has no chunk": async () => is((await (await create())[stream]("").getReader().read()).done, true),
    "destroy() ends a stream": async () => {
      const it = await create();
      const running = it[stream](LONG_TEXT);
      it.destroy();
      await rejects(running.pipeTo(new WritableStream()), "AbortError");
      throws(() => it[stream](LONG_TEXT), "AbortError");
    },
    "a stream goes on after a collection of garbage": async () => {
      const running = await (async () => (await create())[stream](LONG_TEXT))();
      globalThis.gc?.();
      ok((await textOf(running)).length > 0, "a text");
    },
  });

  suite(api, at(`${call}-streaming-concurrent`), {
    "two streams": async () => {
      const it = await create();
      const texts = await Promise.all([textOf(it[stream](LONG_TEXT)), textOf(it[stream](OTHER))]);
      ok(texts.every((text) => typeof text === "string"), "two texts");
    },
  });

  suite(api, at(`${call}-streaming-post-abort`), {
    "a stream after an aborted one": async () => {
      const it = await create();
      const stop = new AbortController();
      const running = it[stream](LONG_TEXT, { signal: stop.signal });
      stop.abort();
      await rejects(running.pipeTo(new WritableStream()), "AbortError");
      ok((await textOf(it[stream](LONG_TEXT))).length > 0, "a text");
    },
  });
  return create;
}
