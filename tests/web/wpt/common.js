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

/** Has the model below call its tools. */
export const CALL = "<call your tools>";

/**
 * A model that says what was asked, as browsers' own tests have one, for tests of what an answer says. Where that has the mark `CALL`, it
 * calls every tool with the arguments that the tool's description names.
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
  const session = (before) => ({
    messages: before,
    chat(messages, { tools = [] } = {}) {
      const calls = messages.at(-1).content.includes(CALL) ? tools : [];
      const written = calls.map(({ function: { name, description } }) => `<tool_call>{"name": "${name}", "arguments": ${/Args: (.*)$/.exec(description)[1]}}</tool_call>`);
      const all = [...this.messages, ...messages].map(({ content, tool_calls = [] }) => `${content}${tool_calls.map(({ function: { name, arguments: given } }) => `${name} ${given}`).join("\n")}`);
      const text = calls.length > 0 ? `${messages.at(-1).content.replace(CALL, "")}${written.join("")}` : all.join("\n").replace(/<tool_call>.*?<\/tool_call>/g, "");
      this.messages = [...this.messages, ...messages, { role: "assistant", content: text }];
      return said(text);
    },
    fork: async function () {
      return session(this.messages);
    },
    dispose: async () => {},
  });
  model.session = async () => session([]);
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
