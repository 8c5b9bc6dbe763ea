// The tabs "Labels", "Names", "Keywords" and "Ask": what is found in the text, listed and marked in it.
import { announce } from "./announce.js";
import { byId, make, plural, setEnabled, showNotice } from "./dom.js";
import { Run } from "./run.js";

const KINDS = {
  PER: "People", LOC: "Places", ORG: "Organisations", MISC: "Other names", DATE: "Dates", TIME: "Times", NUMBER: "Numbers",
  MONEY: "Sums of money", EMAIL: "E-mail addresses", URL: "Web addresses", PHONE: "Telephone numbers",
};

export function wireFinds(engine, source) {
  wireLabels(engine, source);
  wireNames(engine, source);
  wireKeywords(engine, source);
  wireAsk(engine, source);
}

/** One form, here or in another tab: `find(model, text, options)` gives a promise of what `show(found, text)` shows in the output. */
export function wire({ engine, source, name, output: id, what, find, show, marks }) {
  const output = byId(id);
  const run = new Run(engine, name, { what, figures: [["Found"], ["Time"]] });
  byId(`${name}-form`).addEventListener("submit", async (event) => {
    event.preventDefault();
    if (run.running) return;
    const text = source.text;
    if (text.trim() === "") {
      const notice = make("p", { className: "notice" });
      output.replaceChildren(notice);
      return showNotice(notice, "info", "There is no text yet. Paste one, or choose a sample.");
    }
    output.replaceChildren();
    if (marks) source.read(text);
    else source.edit();
    const found = [];
    const result = await run.go({
      open: (model, options) => asStream(find(model, text, options)),
      onPiece: (item) => found.push(item),
      output,
      kind: "finds",
    });
    if (result) show(found, text, output);
  });
  setEnabled(byId(name), true);
}

/** A promise of a list, read like one of the library's streams. */
function asStream(promise) {
  const result = promise.then(() => ({ finishReason: "stop" }));
  // Whoever reads the list hears of it.
  result.catch(() => {});
  return {
    async *[Symbol.asyncIterator]() {
      yield* await promise;
    },
    result,
  };
}

export function nothing(output, text) {
  output.replaceChildren(make("p", { className: "placeholder" }, text));
  announce(text);
}

function wireLabels(engine, source) {
  const set = byId("label-set");
  const own = byId("own-labels");
  const change = () => (own.disabled = set.value !== "");
  set.addEventListener("change", change);
  engine.addEventListener("change", () => {
    const names = engine.model?.info.labelSets ?? [];
    // The visitor's own labels come first: a set that the model was trained on, such as intents of bank customers, fits few texts.
    const chosen = set.value;
    set.replaceChildren(
      make("option", { value: "" }, "Your own"),
      ...names.map((name) => make("option", { value: name }, name[0].toUpperCase() + name.slice(1))),
    );
    set.value = names.includes(chosen) ? chosen : "";
    change();
  });
  wire({
    engine, source, name: "classify", output: "labels", what: "classify texts",
    find: (model, text, options) => model.classify(text, set.value || own.value.split(",").map((label) => label.trim()).filter(Boolean), options),
    show(found, _, output) {
      const rows = found.slice(0, 20).map(({ label, score }, at) => row(label, `${(100 * score).toFixed(1)} %`, score, at === 0));
      output.replaceChildren(make("ol", { className: "finds" }, ...rows.map((each) => make("li", {}, each))));
      // Nearly even: the labels do not tell.
      if (found.length > 1 && found[0].score < 1.5 / found.length) output.append(make("p", { className: "muted" }, "None of the labels stands out."));
      announce(`${found[0].label}, ${Math.round(100 * found[0].score)} per cent.`);
    },
  });
}

/** A line with a bar; a button where it leads somewhere. */
export function row(text, small, share, best, go) {
  const bar = make("span");
  bar.style.width = `${Math.max(1, 100 * share)}%`;
  const parts = [make("span", { className: "find-text" }, text), make("small", {}, small), make("span", { className: "find-bar" }, bar)];
  const line = go ? make("button", { type: "button", className: "find-row" }, ...parts) : make("div", { className: "find-row" }, ...parts);
  line.toggleAttribute("data-best", best);
  if (go) line.addEventListener("click", go);
  return line;
}

function wireNames(engine, source) {
  wire({
    engine, source, name: "entities", output: "names", what: "find names", marks: true,
    // "two" and its like say nothing without their sentence.
    find: async (model, text, options) => (await model.extractEntities(text, options)).filter(({ type, text }) => type !== "NUMBER" || /\d/.test(text)),
    show(found, _, output) {
      source.highlight(found.map(({ start, end, type }) => ({ start, end, kind: type, title: KINDS[type] ?? type })));
      if (found.length === 0) return nothing(output, "No names, numbers or dates were found.");
      const kinds = Object.keys(KINDS).filter((kind) => found.some(({ type }) => type === kind));
      const others = found.map(({ type }) => type).filter((type) => !(type in KINDS));
      output.replaceChildren(...[...kinds, ...new Set(others)].flatMap((kind) => group(kind, found)));
      announce(`${plural(found.length, "name, number or date", "names, numbers and dates")} found.`);
    },
  });

  function group(kind, found) {
    const places = new Map();
    found.forEach(({ type, text }, at) => {
      if (type === kind) places.set(text, [...(places.get(text) ?? []), at]);
    });
    const chips = [...places].map(([text, at]) => {
      const count = at.length > 1 ? [" ", make("small", {}, `×${at.length}`)] : [];
      const chip = make("button", { type: "button", className: "chip" }, text, ...count);
      let next = 0;
      chip.addEventListener("click", () => source.show(at[next++ % at.length]));
      return chip;
    });
    const title = make("h3", { className: "kind-title" }, KINDS[kind] ?? kind);
    const list = make("div", { className: "chips" }, ...chips);
    for (const element of [title, list]) element.dataset.kind = kind;
    return [title, list];
  }
}

function wireKeywords(engine, source) {
  wire({
    engine, source, name: "keywords", output: "phrases", what: "find keywords", marks: true,
    find: (model, text, options) => model.extractKeywords(text, { limit: 12, ...options }),
    show(found, _, output) {
      const places = found.flatMap(({ places }, at) => places.map((place) => ({ ...place, at })));
      places.sort((a, b) => a.start - b.start);
      source.highlight(places);
      if (found.length === 0) return nothing(output, "No keywords were found.");
      const rows = found.map(({ text, score, places: own }, at) => {
        const mine = places.flatMap((place, index) => (place.at === at ? [index] : []));
        let next = 0;
        return row(text, plural(own.length, "place"), score, false, () => source.show(mine[next++ % mine.length]));
      });
      output.replaceChildren(make("ol", { className: "finds" }, ...rows.map((each) => make("li", {}, each))));
      announce(`Keywords: ${found.slice(0, 5).map(({ text }) => text).join(", ")}.`);
    },
  });
}

function wireAsk(engine, source) {
  const question = byId("question");
  wire({
    engine, source, name: "ask", output: "answer", what: "answer questions", marks: true,
    find: async (model, text, options) => {
      const answer = await model.answer(question.value, text, options);
      return answer ? [answer] : [];
    },
    show([answer], text, output) {
      if (!answer) {
        source.highlight([]);
        return nothing(output, "The text does not seem to say.");
      }
      const { sentence, score } = answer;
      source.highlight([{ ...sentence, className: "around", inner: answer }]);
      source.show(0);
      output.replaceChildren(
        make("p", { className: "answer-text" }, answer.text),
        make("p", { className: "answer-score muted" }, `Score ${score.toFixed(2)}`),
        make("p", { className: "answer-sentence" }, text.slice(sentence.start, sentence.end)),
      );
      announce(answer.text);
    },
  });
}
