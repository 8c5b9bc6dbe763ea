import { Proofreader } from "/nanolm/built-in-ai/index.js";
import { echo, endsWithCreation, endsWithObject, endsWithSignal, looksLike, monitorEndsWithSignal, monitorMayThrow, OTHER, setModel, STATES, tellsMonitor, TEXT } from "./common.js";
import { is, ok, oneOf, rejects, same, suite } from "./harness.js";

// A random model writes everything anew, and of that nothing is taken.
const create = async (options = {}) => {
  setModel(echo);
  return Proofreader.create(options);
};
const calls = [(it) => it.proofread(TEXT)];
const WRONG = "can you profread fir me";

suite("Proofreader", "proofreader/proofreader-abort", {
  "create() ends with its signal": () => endsWithSignal((signal) => Proofreader.create({ signal })),
  "proofread() ends with its signal": async () => {
    const it = await create();
    await endsWithSignal((signal) => it.proofread(TEXT, { signal }));
  },
  "proofread() with types ends with its signal": async () => {
    const it = await create({ includeCorrectionTypes: true });
    await endsWithSignal((signal) => it.proofread(TEXT, { signal }));
  },
});

suite("Proofreader", "proofreader/proofreader-proofread", {
  "nothing gives nothing": async () => {
    const { correctedInput, corrections } = await (await create()).proofread("");
    same([correctedInput, corrections === undefined], ["", true]);
  },
  "white space gives white space": async () => {
    const { correctedInput, corrections } = await (await create()).proofread(" ");
    same([correctedInput, corrections === undefined], [" ", true]);
  },
  "a text gives a text": async () => ok((await (await create()).proofread(TEXT)).correctedInput !== "", "a text"),
  "corrections are listed": async () => {
    const { correctedInput, corrections } = await (await create()).proofread(WRONG);
    ok(correctedInput !== WRONG && corrections.length > 0, "corrections");
    const put = corrections.reduceRight((text, { startIndex, endIndex, correction }) => text.slice(0, startIndex) + correction + text.slice(endIndex), WRONG);
    is(put, correctedInput, "the corrections put in place");
  },
  "they have types where those are asked for": async () => {
    const { corrections } = await (await create({ includeCorrectionTypes: true })).proofread(WRONG);
    ok(corrections.length > 0 && corrections.every(({ types }) => types.length > 0), "types");
    is((await (await create()).proofread(WRONG)).corrections[0].types, undefined);
  },
  "destroy() ends what runs and what comes": () => endsWithObject(create, calls),
  "the signal of create() does so, too": () => endsWithCreation(create, calls),
});

suite("Proofreader", "proofreader/proofreader-proofread-concurrent", {
  "two calls with the same text": async () => {
    const it = await create();
    is((await Promise.all([it.proofread(TEXT), it.proofread(TEXT)])).length, 2);
  },
  "two calls with different texts": async () => {
    const it = await create();
    is((await Promise.all([it.proofread(TEXT), it.proofread(OTHER)])).length, 2);
  },
});

suite("Proofreader", "proofreader/proofreader-proofread-post-abort", {
  "a call after an aborted one": async () => {
    const it = await create();
    const stop = new AbortController();
    const running = it.proofread(TEXT, { signal: stop.signal });
    stop.abort();
    await rejects(running, "AbortError");
    ok((await it.proofread(TEXT)).correctedInput.length > 0, "a text");
  },
});

// There are no files of these for Proofreader: what those of its neighbours ask for.
suite("Proofreader", "proofreader (as summarizer-create*)", {
  "availability() has a value": async () => oneOf(await Proofreader.availability(), STATES),
  "the monitor is told of the download": () => tellsMonitor(create),
  "the monitor is told nothing after an abort": () => monitorEndsWithSignal(create),
  "what the monitor throws is the rejection": () => monitorMayThrow(create),
  "a malformed language tag is a RangeError": () => rejects(create({ expectedInputLanguages: ["en-abc-invalid"] }), "RangeError"),
  "options are kept": async () => {
    const it = await create({ includeCorrectionTypes: true, includeCorrectionExplanations: true, expectedInputLanguages: ["EN"], correctionExplanationLanguage: "en" });
    same([it.includeCorrectionTypes, it.includeCorrectionExplanations, it.expectedInputLanguages, it.correctionExplanationLanguage], [true, true, ["en"], "en"]);
  },
});

looksLike("Proofreader", { methods: ["proofread"], attributes: { includeCorrectionTypes: "boolean", includeCorrectionExplanations: "boolean", expectedInputLanguages: "object", correctionExplanationLanguage: "object" } }, create);
