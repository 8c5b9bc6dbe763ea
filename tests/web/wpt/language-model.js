import { LanguageModel } from "/nanolm/built-in-ai/index.js";
import { combinations, echo, endsWithCreation, endsWithObject, endsWithSignal, frame, inFrames, looksLike, monitorEndsWithSignal, monitorMayThrow, OTHER, RANDOM, setModel, STATES, streamEndsWithSignal, tellsMonitor, TEXT, textOf, USABLE } from "./common.js";
import { doesNotApply, is, ok, oneOf, rejects, same, suite, throws } from "./harness.js";

const create = async (options = {}) => {
  setModel(RANDOM);
  return LanguageModel.create(options);
};
const echoing = async (options = {}) => {
  setModel(echo);
  return LanguageModel.create(options);
};
const at = (name) => `language-model/language-model-${name}`;
const user = (content) => ({ role: "user", content });
const system = (content) => ({ role: "system", content });
const assistant = (content) => ({ role: "assistant", content });

suite("LanguageModel", at("abort"), {
  "create() ends with its signal": () => endsWithSignal((signal) => create({ signal })),
  "clone() ends with its signal": async () => {
    const it = await create();
    await endsWithSignal((signal) => it.clone({ signal }));
  },
  "prompt() ends with its signal": async () => {
    const it = await create();
    await endsWithSignal((signal) => it.prompt(TEXT, { signal }));
  },
  "promptStreaming() ends with its signal": async () => {
    const it = await create();
    await streamEndsWithSignal((signal) => it.promptStreaming(TEXT, { signal }));
  },
});

suite("LanguageModel", at("append"), {
  "append() gives nothing": async () => is(await (await create()).append(TEXT), undefined),
  "it adds what was measured to the usage": async () => {
    const it = await create();
    is(it.contextUsage, 0);
    const usage = await it.measureContextUsage(TEXT);
    ok(usage > 0, "a usage");
    await it.append(TEXT);
    is(it.contextUsage, usage);
  },
  "beyond the context it is a QuotaExceededError": async () => {
    const it = await create();
    const long = TEXT.repeat(it.contextWindow / 4);
    const usage = await it.measureContextUsage(long);
    const error = await it.append(long).catch((error) => error);
    same([error.name, error.requested, error.quota], ["QuotaExceededError", usage, it.contextWindow]);
  },
  "a system's message behind others is a TypeError": async () => {
    const it = await create();
    await rejects(it.append([user("one"), system("two")]), "TypeError");
    await rejects(it.append([system("one"), system("two")]), "TypeError");
    const first = it.append(system("is no sequence"));
    await rejects(it.append([system("late")]), "TypeError");
    await first;
  },
  "whatever is no sequence is a text": async () => {
    const it = await create();
    for (const input of [null, undefined, {}, "", [], [user([])], [user([{ type: "text", value: "" }])]]) await it.append(input);
  },
});

const EXPECTED = [undefined, [], [{ type: "text" }], [{ type: "text" }, { type: "audio" }, { type: "image" }], [{ type: "text", languages: ["en", "ja", "ko"] }], [{ type: "audio", languages: ["es"] }]];
suite("LanguageModel", at("availability"), {
  "availability() is a function": () => is(typeof LanguageModel.availability, "function"),
  "it has a value without options": async () => oneOf(await LanguageModel.availability(), STATES),
  "a malformed language tag is a RangeError": () => rejects(LanguageModel.availability({ expectedInputs: [{ type: "text", languages: ["en-abc-invalid"] }] }), "RangeError"),
  "it has a value for all plausible options": async () => {
    const prompts = [undefined, [], [system("one")], [system("one"), user("two")], [system("one"), system("two")]];
    const all = combinations({ topK: [undefined, -2, 0, 1, 1.5, 99], temperature: [undefined, -0.5, 0, 0.6, 7], expectedInputs: EXPECTED, expectedOutputs: EXPECTED, initialPrompts: prompts });
    for (const options of all) oneOf(await LanguageModel.availability(options), STATES, JSON.stringify(options));
  },
});

suite("LanguageModel", at("availability-available"), {
  "it is usable without options": async () => oneOf((setModel(RANDOM), await LanguageModel.availability()), USABLE),
  "it is usable with supported options": async () => {
    const texts = [undefined, [], [{ type: "text" }], [{ type: "text", languages: ["en"] }]];
    for (const options of combinations({ topK: [1, 1.5, 3, 99], temperature: [0, 0.5, 2], expectedInputs: texts, expectedOutputs: texts })) oneOf(await LanguageModel.availability(options), USABLE);
  },
  "it is unavailable with options that are not supported": async () => {
    const unknown = [{ type: "text", languages: ["unk"] }];
    for (const options of [{ expectedInputs: unknown }, { expectedOutputs: unknown }, { expectedOutputs: [{ type: "image" }] }, { expectedOutputs: [{ type: "audio" }] }]) {
      is(await LanguageModel.availability(options), "unavailable", JSON.stringify(options));
      await rejects(LanguageModel.create(options), "NotSupportedError");
    }
  },
  "a type that there is not is a TypeError": () => rejects(LanguageModel.availability({ expectedInputs: [{ type: "soup" }] }), "TypeError"),
});

const MODES = ["most-predictable", "predictable", "slightly-predictable", "balanced", "slightly-creative", "creative", "most-creative"];
const BOTH = [{ temperature: 0.8 }, { topK: 10 }, { temperature: 0.8, topK: 10 }].map((each) => ({ samplingMode: "balanced", ...each }));
suite("LanguageModel", at("availability-sampling-mode"), {
  "it has a value for every mode": async () => {
    for (const samplingMode of MODES) oneOf(await LanguageModel.availability({ samplingMode }), STATES);
  },
  "a mode and what modes stand for is a TypeError": async () => {
    for (const options of BOTH) await rejects(LanguageModel.availability(options), "TypeError");
  },
});
suite("LanguageModel", at("create-sampling-mode"), {
  "every mode is kept, also by clones": async () => {
    for (const samplingMode of MODES) {
      const it = await create({ samplingMode });
      same([it.samplingMode, (await it.clone()).samplingMode], [samplingMode, samplingMode]);
    }
  },
  "it is balanced where nothing is said": async () => is((await create()).samplingMode, "balanced"),
  "it is null where topK and temperature are said": async () => is((await create({ topK: 10, temperature: 0.8 })).samplingMode, null),
  "a mode and what modes stand for is a TypeError": async () => {
    for (const options of BOTH) await rejects(create(options), "TypeError");
  },
});

suite("LanguageModel", at("clone"), {
  "a clone has what it was made of, and goes on by itself": async () => {
    const it = await create();
    await it.prompt(TEXT);
    const clone = await it.clone();
    for (const name of ["contextWindow", "contextUsage", "inputQuota", "inputUsage", "topK", "temperature"]) is(clone[name], it[name], name);
    is(typeof (await clone.prompt(TEXT)), "string");
    ok(clone.contextUsage > it.contextUsage, "more usage than the first");
  },
});

suite("LanguageModel", at("create"), {
  "what is made has its methods and attributes": async () => {
    const it = await create();
    for (const name of ["prompt", "promptStreaming", "append", "measureContextUsage", "measureInputUsage", "clone", "destroy"]) is(typeof it[name], "function", name);
    for (const name of ["contextUsage", "contextWindow", "inputUsage", "inputQuota"]) is(typeof it[name], "number", name);
    for (const name of ["oncontextoverflow", "onquotaoverflow"]) is(typeof it[name], "object", name);
  },
  "topK and temperature are no longer attributes": async () => {
    const it = await create();
    same([typeof it.topK, typeof it.temperature], ["undefined", "undefined"]);
  },
  "the monitor is told of the download": () => tellsMonitor(create),
  "the monitor is told nothing after an abort": () => monitorEndsWithSignal(create),
  "with topK and temperature": async () => ok((await create({ topK: 3, temperature: 0.6 })) instanceof LanguageModel, "a LanguageModel"),
  "with one of the two it is a NotSupportedError": async () => {
    for (const options of [{ topK: 3 }, { temperature: 0.5 }]) await rejects(create(options), "NotSupportedError");
  },
  "numbers out of range are a RangeError": async () => {
    for (const options of [{ topK: 3, temperature: -0.5 }, { topK: 0, temperature: 0.5 }, { topK: -2, temperature: 0.5 }]) await rejects(create(options), "RangeError");
  },
  "topK is rounded down": async () => is((await create({ topK: 1.5, temperature: 0.5 })).topK, 1),
  "with prompts to begin with": async () => {
    for (const initialPrompts of [[], [system("one"), user("two"), assistant("three")], [user("two"), assistant("three")]]) ok((await create({ initialPrompts })) instanceof LanguageModel, "a LanguageModel");
  },
  "a system's message that is not the first is a TypeError": async () => {
    await rejects(create({ initialPrompts: [user("one"), assistant("two"), system("three")] }), "TypeError");
    await rejects(create({ initialPrompts: [system("one"), system("two"), user("three")] }), "TypeError");
  },
  "a malformed language tag is a RangeError": () => rejects(create({ expectedInputs: [{ type: "text", languages: ["en-abc-invalid"] }] }), "RangeError"),
  "language tags may be written in any case": async () => ok((await create({ expectedInputs: [{ type: "text", languages: ["EN"] }] })) instanceof LanguageModel, "a LanguageModel"),
});

suite("LanguageModel", at("create-user-activation"), {
  "create() needs a visitor's gesture where something has to be downloaded": async () => {
    setModel(RANDOM);
    is(await LanguageModel.availability(), "downloadable");
    await rejects(LanguageModel.create(), "NotAllowedError");
  },
});

suite("LanguageModel", at("destroy"), {
  "destroy() ends what runs and what comes": () => endsWithObject(create, [(it) => it.prompt(TEXT), (it) => it.append(TEXT), (it) => it.measureContextUsage(TEXT), (it) => it.clone()]),
  "the signal of create() does so, too": () => endsWithCreation(create, [(it) => it.prompt(TEXT), (it) => it.measureContextUsage(TEXT)]),
  "its attributes can still be read": async () => {
    const it = await create();
    it.destroy();
    same([typeof it.contextWindow, typeof it.contextUsage], ["number", "number"]);
  },
});

suite("LanguageModel", at("from-detached-iframe"), {
  "availability() is an InvalidStateError in a frame that is gone": async () => {
    const { window, remove } = await frame();
    const { LanguageModel: Own, DOMException } = window;
    remove();
    await rejects(Own.availability(), "InvalidStateError", { DOMException });
  },
});
inFrames("LanguageModel", at("iframe"));
suite("LanguageModel", "language-model/prompt/context/destroyed", {
  "a frame may go while prompt() runs in it": async () => {
    const { window, remove } = await frame();
    const it = await window.LanguageModel.create();
    it.prompt(TEXT).catch(() => {});
    remove();
  },
});

suite("LanguageModel", at("measure-context-usage"), {
  "it is a number above 0 for a text": async () => ok((await (await create()).measureContextUsage(TEXT)) > 0, "a usage"),
  "messages of every role are measured, also behind others": async () => {
    const messages = [system("one"), user("two"), assistant("three")];
    ok((await (await create({ initialPrompts: messages })).measureContextUsage(messages)) > 0, "a usage");
  },
  "by its old name, too": async () => {
    const it = await create();
    is(await it.measureInputUsage(TEXT), await it.measureContextUsage(TEXT));
  },
});

suite("LanguageModel", at("params"), {
  "params() has defaults and limits": async () => {
    const { defaultTopK, maxTopK, defaultTemperature, maxTemperature } = await LanguageModel.params();
    ok(defaultTopK >= 1 && defaultTopK <= maxTopK && defaultTemperature >= 0 && defaultTemperature <= maxTemperature, "defaults within the limits");
  },
});

suite("LanguageModel", at("prompt-monitor-callback-exception"), {
  "what the monitor throws is the rejection": () => monitorMayThrow(create),
});

suite("LanguageModel", at("quota-exceeded"), {
  "prompts to begin with that are too long are a QuotaExceededError": async () => {
    const it = await create();
    const long = TEXT.repeat(it.contextWindow / 4);
    const usage = await it.measureContextUsage(long);
    ok(usage > it.contextWindow, "more than there is room for");
    const error = await create({ initialPrompts: [system(long)] }).catch((error) => error);
    is(error.constructor, globalThis.QuotaExceededError);
    same([Math.abs(error.requested - usage) <= 5, error.quota], [true, it.contextWindow]);
  },
});

const RATING = { type: "object", required: ["Rating"], additionalProperties: false, properties: { Rating: { type: "number", minimum: 0, maximum: 5 } } };
const isRating = (text) => {
  const { Rating } = JSON.parse(text);
  ok(typeof Rating === "number" && Rating >= 0 && Rating <= 5, `a rating: ${text}`);
};
suite("LanguageModel", at("response-json-schema"), {
  "a constraint that is no JSON is a NotSupportedError": async () => {
    const circle = {};
    circle.self = circle;
    await rejects((await create()).prompt(TEXT, { responseConstraint: circle }), "NotSupportedError");
  },
  "an answer is of the schema": async () => isRating(await (await create()).prompt("hello", { responseConstraint: RATING })),
  "a prefix and the answer are of the schema together": async () => {
    const it = await create();
    for (const prefix of ['{ "Rating": ', '{"Rating":', '{ "Ra', "{"]) isRating(prefix + (await it.prompt([user("hello"), { ...assistant(prefix), prefix: true }], { responseConstraint: RATING })));
  },
  "the schema need not be told": async () => isRating(await (await create()).prompt("hello", { responseConstraint: RATING, omitResponseConstraintInput: true })),
  "a regular expression may be one": async () => is(typeof (await (await create()).prompt(TEXT, { responseConstraint: /hello/ })), "string"),
});
suite("LanguageModel", at("response-regex"), {
  "an answer is of the expression": async () => is(await (await create()).prompt(TEXT, { responseConstraint: /hello/ }), "hello"),
  "a prefix and the answer are of the expression together": async () => {
    const text = await (await create()).prompt([user("hello"), { ...assistant("Greetings"), prefix: true }], { responseConstraint: /^Greetings and salutations[.!]{1,3}/ });
    ok(/^ and salutations[.!]{1,3}$/.test(text), `the rest of it: ${text}`);
  },
  "a prefix that the expression does not have is a NotSupportedError": async () =>
    rejects((await create()).prompt([user("hello"), { ...assistant("invalid"), prefix: true }], { responseConstraint: /^Greetings and salutations.*/ }), "NotSupportedError"),
});

suite("LanguageModel", "language-model/prompt/prompt, prompt-simple-question, prompt-concurrent", {
  "prompt() gives a string": async () => is(typeof (await (await create()).prompt(TEXT)), "string"),
  "it answers what was asked, or says it": async () => ok(/capital of france|paris/i.test(await (await echoing()).prompt("What is the capital of France?")), "an answer"),
  "two with the same text": async () => {
    const it = await create();
    is((await Promise.all([it.prompt(TEXT), it.prompt(TEXT)])).length, 2);
  },
  "two with different texts": async () => {
    const it = await create();
    is((await Promise.all([it.prompt(TEXT), it.prompt(OTHER)])).length, 2);
  },
});
suite("LanguageModel", "language-model/prompt/prompt-post-abort", {
  "a prompt after an aborted one": async () => {
    const it = await create();
    const stop = new AbortController();
    const running = it.prompt(TEXT, { signal: stop.signal });
    stop.abort();
    await rejects(running, "AbortError");
    ok((await it.prompt(TEXT)).length > 0, "an answer");
  },
});
suite("LanguageModel", "language-model/prompt/garbage-collection", {
  "a prompt goes on after a collection of garbage": async () => {
    const running = await (async () => ({ text: (await create()).prompt(TEXT) }))();
    globalThis.gc?.();
    is(typeof (await running.text), "string");
  },
});

const INPUTS = { "array": [], "object": {}, "sequence of nothing": [user([])], "string": "", "null": null, "undefined": undefined, "sequence of an empty text": [user([{ type: "text", value: "" }])] };
for (const [name, input] of Object.entries(INPUTS)) {
  suite("LanguageModel", "language-model/prompt/empty-inputs/*", { [`prompt(): ${name}`]: async () => is(typeof (await (await create()).prompt(input)), "string") });
  suite("LanguageModel", "language-model/prompt/streaming/*-input", { [`promptStreaming(): ${name}`]: async () => is(typeof (await textOf((await create()).promptStreaming(input))), "string") });
}
suite("LanguageModel", at("prompt"), {
  "an object is said as its string": async () => ok((await (await echoing()).prompt({})).includes("[object Object]"), "[object Object]"),
});

suite("LanguageModel", "language-model/prompt/rejections", {
  "a system's message behind others is a TypeError": async () => {
    const it = await create();
    await rejects(it.prompt([user("one"), system("two")]), "TypeError");
    await rejects(it.prompt([system("one"), system("two")]), "TypeError");
    const first = it.prompt(system("is no sequence"));
    await rejects(it.prompt([system("late")]), "TypeError");
    await first;
  },
  "also behind prompts to begin with": async () => rejects((await create({ initialPrompts: [user("one")] })).prompt([system("two")]), "TypeError"),
});

suite("LanguageModel", "language-model/prompt/context/*", {
  "contextoverflow is told where the context is full": async () => {
    const it = await create();
    const overflow = new Promise((resolve) => it.addEventListener("contextoverflow", resolve));
    const long = TEXT.repeat(10);
    await it.append(long);
    ok(it.contextUsage > 0, "a usage");
    // As long as there is room for, with that of the template.
    await Promise.all([overflow, it.prompt(long.repeat(Math.floor(it.contextWindow / it.contextUsage) - 1))]);
  },
  "prompts to begin with count, and are heard": async () => {
    const initialPrompts = [system("The word of the day is banana.")];
    const it = await echoing({ initialPrompts });
    is(it.contextUsage, await it.measureContextUsage(initialPrompts));
    ok(/banana/i.test(await it.prompt("What is the word of the day?")), "banana");
  },
  "a prompt and its answer count, to within five tokens": async () => {
    const it = await create();
    is(it.contextUsage, 0);
    const asked = await it.measureContextUsage(TEXT);
    const answered = await it.measureContextUsage(await it.prompt(TEXT));
    ok(Math.abs(it.contextUsage - asked - answered) <= 5, `about ${asked + answered}, found ${it.contextUsage}`);
  },
  "a prompt beyond the context is a QuotaExceededError": async () => {
    const it = await create();
    const long = TEXT.repeat(it.contextWindow / 4);
    const usage = await it.measureContextUsage(long);
    const error = await it.prompt(long).catch((error) => error);
    same([error.name, Math.abs(error.requested - usage) <= 50, error.quota], ["QuotaExceededError", true, it.contextWindow]);
  },
});

suite("LanguageModel", "language-model/prompt/streaming/prompt-streaming*", {
  "a stream of a text that is not empty": async () => ok((await textOf((await create()).promptStreaming(TEXT))).length > 0, "a text"),
  "a stream after an aborted one": async () => {
    const it = await create();
    const stop = new AbortController();
    const running = it.promptStreaming(TEXT, { signal: stop.signal });
    stop.abort();
    await rejects(running.pipeTo(new WritableStream()), "AbortError");
    ok((await textOf(it.promptStreaming(TEXT))).length > 0, "a text");
  },
  "two streams": async () => {
    const it = await create();
    is((await Promise.all([textOf(it.promptStreaming(TEXT)), textOf(it.promptStreaming(OTHER))])).length, 2);
  },
  "destroy() ends a stream": async () => {
    const it = await create();
    const running = it.promptStreaming(TEXT);
    it.destroy();
    await rejects(running.pipeTo(new WritableStream()), "AbortError");
    throws(() => it.promptStreaming(TEXT), "AbortError");
  },
});

suite("LanguageModel", "language-model/prompt/multimodal/*", {
  "an image is a NotSupportedError where none was expected": async () => {
    const content = [{ type: "text", value: "What is it?" }, { type: "image", value: new Image() }];
    await rejects((await create()).prompt([user(content)]), "NotSupportedError");
  },
  "a sound is a NotSupportedError where none was expected": async () => rejects((await create()).prompt([user([{ type: "audio", value: new Blob() }])]), "NotSupportedError"),
  "images, sounds and videos": () => doesNotApply("the models read text alone: 27 files of ai/language-model/prompt/multimodal/ ask first whether they are available"),
});

looksLike(
  "LanguageModel",
  {
    methods: ["prompt", "append", "measureContextUsage", "clone"],
    streams: ["promptStreaming"],
    attributes: { contextUsage: "number", contextWindow: "number", samplingMode: "string" },
  },
  create,
);
suite("LanguageModel", "interfaces", {
  "it is an EventTarget, with handlers of its events": async () => {
    const it = await create();
    ok(it instanceof EventTarget, "an EventTarget");
    same([it.oncontextoverflow, it.onquotaoverflow], [null, null]);
  },
});
