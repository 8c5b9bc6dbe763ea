// The page's title as a headline.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openApp } from "./support/app.mjs";
import { ARTICLE } from "./support/texts.mjs";

let opened, page;
before(async () => {
  opened = await openApp();
  ({ page } = opened);
});
after(() => opened?.close());

test("a title of the page that fits is the headline", async () => {
  const own = "Harbour town of Arden rebuilds its old lighthouse after a storm";
  const title = `${own} | The Daily Example`;
  const { taken, refused, none } = await page.evaluate(
    async ([text, title]) => {
      const model = await modelOn("cpu");
      const headline = (title) => readAll(model.summarize(text, { type: "headline", title }));
      return { taken: await headline(title), refused: await headline("We value your privacy | The Daily Example"), none: await headline(undefined) };
    },
    [ARTICLE, title],
  );
  assert.equal(taken.result.text, own);
  assert.equal(taken.pieces.map(({ text }) => text).join(""), own);
  const [{ start, end, sources, title: place }] = taken.result.sentences;
  assert.equal(title.slice(place.start, place.end), own);
  assert.deepEqual([start, end], [0, own.length]);
  assert.match(ARTICLE.slice(sources[0].start, sources[0].end), /^The harbour town of Arden/);
  assert.equal(refused.result.text, none.result.text);
  assert.equal(none.result.sentences[0].title, undefined);
});
