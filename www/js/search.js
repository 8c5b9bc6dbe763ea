// The tab "Search": the passages of the text that are nearest in meaning to what is asked.
import { announce } from "./announce.js";
import { companion, companionBytes } from "./companion.js";
import { byId, bytes, make, plural } from "./dom.js";
import { importPackage } from "./engine.js";
import { nothing, row, wire } from "./finds.js";

const MOST = 6;
/** A few sentences, in UTF-16 code units. */
const PASSAGE = 300;
/** Less alike are most passages to any question: by the table of words, and by an encoder. */
const LEAST = { package: 0.15, model: 0.2 };

export function wireSearch(engine, source) {
  const query = byId("query");
  const better = byId("better");
  /** Of the last text, by the model that made it. */
  const indexes = new WeakMap();

  async function indexOf(model, text, options) {
    const last = indexes.get(model);
    if (last?.text === text) return last.index;
    const { TextIndex } = await importPackage("search/index.js");
    const index = await TextIndex.create(model, { passage: PASSAGE });
    await index.add({ id: "text", text }, options);
    indexes.set(model, { text, index });
    return index;
  }

  wire({
    engine, source, name: "search", output: "hits", what: "search by meaning", marks: true,
    async find(model, text, options) {
      const reader = better.checked && !encodes(model) ? await companion(options) : model;
      const index = await indexOf(reader, text, options);
      const found = await index.search(query.value, { k: MOST, signal: options.signal });
      return found.filter(({ score }) => score >= LEAST[reader.info.methods.embed]);
    },
    show(found, _, output) {
      const places = found.map((hit, at) => ({ ...hit, at, className: "find" })).sort((a, b) => a.start - b.start);
      source.highlight(places);
      if (found.length === 0) return nothing(output, "Nothing in the text comes near to that.");
      const go = (at) => source.show(places.findIndex((place) => place.at === at));
      const rows = found.map(({ text, score }, at) => row(text, score.toFixed(2), score, false, () => go(at)));
      output.replaceChildren(make("ol", { className: "finds" }, ...rows.map((each) => make("li", {}, each))));
      go(0);
      announce(`${plural(found.length, "passage")}. The nearest: ${found[0].text}`);
    },
  });

  engine.addEventListener("change", say);
  better.addEventListener("change", say);
  say();

  /** What reads the text, and what could. */
  async function say() {
    const size = await companionBytes();
    const own = engine.model && encodes(engine.model);
    byId("better-choice").hidden = size === undefined || own;
    byId("better-size").textContent = size === undefined ? "" : bytes(size);
    const words = "By vectors of words: at once, whatever their order.";
    const absent = `${words} The sentence encoder is not beside this page: open an encoder’s file under “Models and device”.`;
    byId("better-note").textContent = own ? "By the vectors of the model that you opened." : size === undefined ? absent : better.checked ? "all-MiniLM-L6-v2 reads whole sentences." : words;
  }
}

const encodes = ({ info }) => info.methods.embed === "model";
