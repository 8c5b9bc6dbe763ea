// What the web platform tests ask of several APIs in the same words.
import { LanguageDetector, LanguageModel, Proofreader, Rewriter, Summarizer, Translator, useModel, Writer } from "/nanolm/built-in-ai/index.js";
import { chatModel, CHATML } from "/chat-model.js";
import { is, ok, oneOf, rejects, same, suite, throws } from "./harness.js";

/** Which model answers. */
export const setModel = useModel;

const APIS = { LanguageDetector, LanguageModel, Proofreader, Rewriter, Summarizer, Translator, Writer };

export const STATES = ["unavailable", "downloadable", "downloading", "available"];
export const USABLE = STATES.slice(1);
export const TEXT = "Write one sentence about the keeper of a lighthouse.";
export const OTHER = "Write two sentences about the sea at night.";
export const ABOUT = "It is for a book for children.";
export const LONG_TEXT =
  "The lighthouse on the reef was built when the harbour had two ships. Its keeper climbs the stairs each evening and lights the lamp. " +
  "In the winter of the great storm the tower was dark for a week. Three ships ran aground before the lamp burned again. " +
  "Since then the town keeps a second lamp in the town hall.";

/** A random model: whatever it says, it can be asked. Each time anew, so that the first that is created loads it. */
export const RANDOM = ({ onProgress }) => {
  onProgress({ phase: "download", loaded: 1, total: 3 });
  return chatModel({ config: { max_position_embeddings: 4096 }, files: { "chat_template.jinja": CHATML } });
};

/**
 * A model that says what was asked, as browsers' own tests have one, for tests of what an answer says. `tools`: where the text
 * has such a mark, it calls every tool with the arguments that the tool's description says behind `Args:`.
 */
export async function echo() {
  const model = await RANDOM({ onProgress: () => {} });
  const said = (text) => ({
    async *[Symbol.asyncIterator]() {
      for (const piece of text.match(/.{1,9}/gs) ?? []) yield { text: piece, reasoning: "" };
    },
    result: Promise.resolve({ text, finishReason: "stop", usage: { promptTokens: 9, completionTokens: text.length } }),
    text: async () => text,
  });
  const last = (messages) => messages.at(-1).content.replace(/^.*\n\nText: /s, "");
  model.chat = (messages) => said(last(messages).replaceAll("profread", "proofread").replaceAll(" fir ", " for "));
  model.rewrite = (text) => said(`${text} (rewritten)`);
  model.translate = (text) => said(`${text} (translated)`);
  model.session = async () => ({
    messages: [],
    chat(messages) {
      const text = [...this.messages, ...messages].map(({ content }) => content).join("\n");
      this.messages = [...this.messages, ...messages, { role: "assistant", content: text }];
      return said(text);
    },
    dispose: async () => {},
  });
  return model;
}

/** Every combination of the values that each option may have. */
export function combinations(options) {
  return Object.entries(options).reduce((all, [name, values]) => all.flatMap((one) => values.map((value) => (value === undefined ? one : { ...one, [name]: value }))), [{}]);
}

/** Of a promise that a signal ends: its reason, whenever it is aborted. */
export async function endsWithSignal(begin) {
  for (const reason of [undefined, new Error("mine")]) {
    const stop = new AbortController();
    const running = begin(stop.signal);
    stop.abort(reason);
    await rejects(running, reason ?? "AbortError");
    await rejects(begin(stop.signal), reason ?? "AbortError");
  }
}

export async function streamEndsWithSignal(begin) {
  for (const reason of [undefined, new DOMException("mine", "VersionError")]) {
    const stop = new AbortController();
    const stream = begin(stop.signal);
    stop.abort(reason);
    await rejects(stream.pipeTo(new WritableStream()), reason ?? "AbortError");
    throws(() => begin(stop.signal), reason ?? "AbortError");
  }
}

export async function tellsMonitor(create) {
  let created = false;
  let late = 0;
  const events = [];
  const made = await create({ monitor: (monitor) => monitor.addEventListener("downloadprogress", (event) => (created ? late++ : events.push(event))) });
  created = true;
  await new Promise((resolve) => setTimeout(resolve, 60));
  is(late, 0, "events after the creation");
  ok(events.length >= 2, "at least two events");
  same([events[0].loaded, events.at(-1).loaded], [0, 1], "the first and the last share");
  events.forEach(({ loaded, total, lengthComputable }, i) => {
    same([total, lengthComputable, (loaded * 0x10000) % 1], [1, true, 0], "an event");
    ok(i === 0 || loaded > events[i - 1].loaded, "growing shares");
  });
  return made;
}

/** Of the download nothing is told once it was stopped, at its beginning and at its end. */
export async function monitorEndsWithSignal(create) {
  for (const share of [0, 1]) {
    const stop = new AbortController();
    const mine = new Error("mine");
    let after = 0;
    const making = create({
      signal: stop.signal,
      monitor: (monitor) => monitor.addEventListener("downloadprogress", ({ loaded }) => (stop.signal.aborted ? after++ : loaded === share && stop.abort(mine))),
    });
    await rejects(making, mine);
    is(after, 0, "events after the abort");
  }
}

export async function monitorMayThrow(create) {
  const mine = new Error("mine");
  let told = 0;
  const monitor = (target) => {
    target.addEventListener("downloadprogress", () => told++);
    throw mine;
  };
  await rejects(create({ monitor }), mine);
  is(told, 0, "events");
}

/** What runs, and what is begun later, ends where the object is destroyed. */
export async function endsWithObject(create, calls) {
  const it = await create();
  const running = calls.map((call) => call(it));
  it.destroy();
  for (const promise of [...running, ...calls.map((call) => call(it))]) await rejects(promise, "AbortError");
}

export async function endsWithCreation(create, calls) {
  const stop = new AbortController();
  const it = await create({ signal: stop.signal });
  const running = calls.map((call) => call(it));
  const mine = new Error("mine");
  stop.abort(mine);
  for (const promise of [...running, ...calls.map((call) => call(it))]) await rejects(promise, mine);
}

export async function textOf(stream) {
  is(Object.prototype.toString.call(stream), "[object ReadableStream]");
  let text = "";
  for await (const chunk of stream) text += chunk;
  return text;
}

/** What a quota says, and what is thrown beyond it. */
export async function keepsQuota(it, text, call) {
  const usage = await it.measureInputUsage(text);
  ok(it.inputQuota >= 0 && usage >= 0, "numbers of at least 0");
  if (usage <= it.inputQuota) return call();
  try {
    await call();
  } catch (error) {
    is(error.constructor, globalThis.QuotaExceededError);
    same([error.quota, error.requested > error.quota], [it.inputQuota, true]);
  }
}

/** Removed from its page while something is done in it. */
export async function frame(path = "/wpt/frame.html", allow = "") {
  const element = document.createElement("iframe");
  element.src = path;
  element.allow = allow;
  const loaded = new Promise((resolve) => element.addEventListener("load", resolve, { once: true }));
  document.body.append(element);
  await loaded;
  const { contentWindow } = element;
  const ask = (what) =>
    new Promise((resolve, reject) => {
      const hear = ({ source, data }) => {
        if (source !== contentWindow) return;
        removeEventListener("message", hear);
        if (data.name === undefined) resolve(data.value);
        else reject(new DOMException(data.message, data.name));
      };
      addEventListener("message", hear);
      contentWindow.postMessage(what, "*");
    });
  return { window: contentWindow, ask, remove: () => element.remove() };
}

/** A property of an object, or of what it inherits from. */
function described(object, name) {
  return object === null ? undefined : (Object.getOwnPropertyDescriptor(object, name) ?? described(Object.getPrototypeOf(object), name));
}

/** How an object of an API looks: what WebIDL makes of its interface. `attributes` have the types of their values. */
export function looksLike(api, { methods, streams = [], attributes, arity = 0 }, create) {
  const API = APIS[api];
  suite(api, "interfaces", {
    "cannot be constructed": () => throws(() => new API(), "TypeError"),
    "has its name, and its static methods theirs": () => {
      same([API.name, API.availability.name, API.create.name], [api, "availability", "create"]);
      same([API.availability.length, API.create.length], [arity, arity]);
      throws(() => API.prototype.destroy.call({}), "TypeError");
    },
    "has its methods on its prototype, and says what it is": async () => {
      const it = await create();
      ok(it instanceof API, "an instance");
      is(Object.prototype.toString.call(it), `[object ${api}]`);
      for (const name of [...methods, ...streams, "destroy"]) is(typeof API.prototype[name], "function", name);
    },
    "has its attributes on its prototype, read-only": async () => {
      const it = await create();
      for (const [name, type] of Object.entries(attributes)) {
        is(typeof it[name], type, name);
        ok(Object.getOwnPropertyDescriptor(it, name) === undefined, `no property of its own: ${name}`);
        const { get, set } = described(API.prototype, name) ?? {};
        ok(get !== undefined && set === undefined, `a getter without a setter: ${name}`);
      }
    },
    "its methods reject in place of throwing": async () => {
      const it = await create();
      for (const name of methods) await rejects(API.prototype[name].call({}, "x"), "TypeError");
      ok(it !== undefined, "an object");
    },
  });
}

/** What is asked of Summarizer, Writer and Rewriter alike. `file`: the beginning of the files' names. */
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

/** In frames of the same and of another origin, which `?elsewhere=` names. */
export function inFrames(api, file) {
  const elsewhere = new URL(location.href).searchParams.get("elsewhere");
  const policy = api.replace(/(?<=[a-z])(?=[A-Z])/g, "-").toLowerCase();
  const on = async (origin, allow, what) => {
    const { ask, remove } = await frame(`${origin}/wpt/frame.html`, allow);
    try {
      return await ask({ api, what });
    } finally {
      remove();
    }
  };
  suite(api, file, {
    "create() works in a frame of the same origin": async () => is(await on("", "", "create"), "made"),
    "create() works in a frame of another origin that is allowed to": async () => is(await on(elsewhere, policy, "create"), "made"),
    "create() is a NotAllowedError in a frame of another origin": () => rejects(on(elsewhere, "", "create"), "NotAllowedError"),
    "availability() is usable in a frame of the same origin": async () => oneOf(await on("", "", "availability"), USABLE),
    "availability() is usable in a frame of another origin that is allowed to": async () => oneOf(await on(elsewhere, policy, "availability"), USABLE),
    "availability() is unavailable in a frame of another origin": async () => is(await on(elsewhere, "", "availability"), "unavailable"),
  });
}
