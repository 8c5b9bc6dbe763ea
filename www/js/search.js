// The tab "Search": the sentences of the text that are nearest in meaning to what is looked for.
import { announce } from "./announce.js";
import { byId, make, plural } from "./dom.js";
import { nothing, row, wire } from "./finds.js";

const MOST = 6;
/** Less alike are most sentences to any query. */
const LEAST = 0.15;

export function wireSearch(engine, source) {
  const query = byId("query");
  wire({
    engine, source, name: "search", output: "hits", what: "search by meaning", marks: true,
    async find(model, text, options) {
      const sentences = sentencesOf(text);
      const ranked = await model.rank(query.value, sentences.map((each) => each.text), { top: MOST, ...options });
      return ranked.filter(({ score }) => score >= LEAST).map(({ index, score }) => ({ ...sentences[index], score }));
    },
    show(found, _, output) {
      const places = found.map((hit, at) => ({ ...hit, at, className: "find" })).sort((a, b) => a.start - b.start);
      source.highlight(places);
      if (found.length === 0) return nothing(output, "Nothing in the text comes near to that.");
      const rows = found.map(({ text, score }, at) => row(text, score.toFixed(2), score, false, () => source.show(places.findIndex((place) => place.at === at))));
      output.replaceChildren(make("ol", { className: "finds" }, ...rows.map((each) => make("li", {}, each))));
      announce(`${plural(found.length, "sentence")}. The nearest: ${found[0].text}`);
    },
  });
}

const segments = globalThis.Intl?.Segmenter && new Intl.Segmenter("en", { granularity: "sentence" });

/** `[{ text, start, end }]` without the space around them; headings and other short lines are none. */
function sentencesOf(text) {
  const parts = segments ? [...segments.segment(text)].map(({ segment, index }) => [segment, index]) : [...text.matchAll(/[^.!?\n]+[.!?]*/g)].map((match) => [match[0], match.index]);
  return parts.flatMap(([part, index]) => {
    const bare = part.trim();
    const start = index + part.indexOf(bare);
    return bare.split(/\s+/).length > 3 ? [{ text: bare, start, end: start + bare.length }] : [];
  });
}
