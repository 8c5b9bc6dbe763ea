// nanolm/search in Node, out of the tarball: the index against sums in f64, what is saved and what is damaged, texts in passages.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { installTarball } from "../web/support/app.mjs";
import { ROOT } from "../web/support/browser.mjs";
import { randomOf } from "../web/support/schemas.mjs";

const TYPES = ["float32", "int8", "binary"];

let nanolm;
let search;
let model;
let cache;
before(async () => {
  const installed = installTarball("node-app");
  cache = mkdtempSync(join(tmpdir(), "nanolm-cache-"));
  process.env.NANOLM_CACHE = cache;
  nanolm = await import(pathToFileURL(join(installed, "dist/index.js")));
  search = await import(pathToFileURL(join(installed, "dist/search/index.js")));
  model = await nanolm.Model.load();
});
after(async () => {
  await model?.dispose();
  rmSync(cache, { recursive: true, force: true });
});

/** Vectors of a fixed seed. */
function vectors(seed, count, dimensions) {
  const random = randomOf(seed);
  return Array.from({ length: count }, () => Float32Array.from({ length: dimensions }, () => random() + random() + random() - 1.5));
}

const product = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const cosine = (a, b) => product(Float64Array.from(a), b) / Math.sqrt(product(Float64Array.from(a), a) * product(Float64Array.from(b), b));

function filled(options, list) {
  const index = new search.VectorIndex(options);
  list.forEach((vector, id) => index.add(id, vector));
  return index;
}

/** What part of the exact results is among those of an index, over many queries. */
function recall(index, exact, queries, k) {
  const parts = queries.map((query) => {
    const found = new Set(index.search(query, { k }).map(({ id }) => id));
    return exact.search(query, { k }).filter(({ id }) => found.has(id)).length / k;
  });
  return parts.reduce((sum, part) => sum + part, 0) / parts.length;
}

describe("VectorIndex", () => {
  for (const dimensions of [1, 7, 16, 100, 385]) {
    test(`${dimensions} numbers: every score is the cosine, and the best come first`, () => {
      const [query, ...list] = vectors(dimensions, 60, dimensions);
      const exact = list.map((vector, id) => ({ id, score: cosine(query, vector) })).sort((a, b) => b.score - a.score || a.id - b.id);
      const floats = filled({ dimensions, type: "float32" }, list).search(query, { k: 100 });
      assert.equal(floats.length, list.length);
      floats.forEach(({ id, score }, i) => {
        assert.ok(Math.abs(score - exact[i].score) < 1e-6, `${i}: ${score} for ${exact[i].score}`);
        assert.ok(Math.abs(score - cosine(query, list[id])) < 1e-6, `the score of ${id} is its own`);
      });
      for (const { id, score } of filled({ dimensions }, list).search(query, { k: 100 })) {
        // Half a step of 127 for each number, along a query of length 1.
        assert.ok(Math.abs(score - cosine(query, list[id])) < 0.01, `${id}: ${score} for ${cosine(query, list[id])}`);
      }
      const bits = (vector) => Array.from(vector, (value) => value > 0);
      for (const { id, score } of filled({ dimensions, type: "binary", rescore: 0 }, list).search(query, { k: 100 })) {
        const other = bits(list[id]);
        const differing = bits(query).filter((bit, i) => bit !== other[i]).length;
        // Of an odd number, bits differ where signs do; of another, they are those of the vectors turned in space.
        const told = (Math.acos(score) / Math.PI) * dimensions;
        assert.ok(Math.abs(told - (dimensions % 2 === 1 ? differing : Math.round(told))) < 1e-6, `${id}: ${score}, ${differing} bits`);
      }
    });
  }

  test("the largest sums stay in their range", () => {
    const dimensions = 65_536;
    const ones = new Float32Array(dimensions).fill(3e38);
    for (const type of TYPES) {
      const index = filled({ dimensions, type, ...(type === "binary" ? { rescore: 0 } : {}) }, [ones, ones.map((value) => -value)]);
      const [same, opposite] = index.search(ones);
      assert.ok(same.id === 0 && Math.abs(same.score - 1) < 1e-3, `${type}: ${same.score}`);
      assert.ok(opposite.id === 1 && Math.abs(opposite.score + 1) < 1e-3, `${type}: ${opposite.score}`);
    }
  });

  test("adding, replacing and removing in any order gives what a list of vectors gives", () => {
    const dimensions = 20;
    const random = randomOf(5);
    const pool = vectors(6, 400, dimensions);
    for (const type of TYPES) {
      const index = new search.VectorIndex({ dimensions, type });
      const kept = new Map();
      for (let step = 0; step < 400; step++) {
        const id = random() < 0.5 ? Math.floor(random() * 40) : `text ${Math.floor(random() * 40)}`;
        if (random() < 0.4) assert.equal(index.remove(id), kept.delete(id));
        else {
          const own = pool.slice(step, step + 1 + Math.floor(random() * 3));
          index.add(id, own.length === 1 ? own[0] : own);
          kept.delete(id);
          kept.set(id, own);
        }
      }
      assert.equal(index.size, kept.size);
      assert.deepEqual([...index.ids], [...kept.keys()]);
      const [query] = vectors(7, 1, dimensions);
      const found = index.search(query, { k: 1000 });
      assert.deepEqual(new Set(found.map(({ id }) => id)), new Set(kept.keys()), "each id once");
      for (const { id, score } of found) {
        const best = Math.max(...kept.get(id).map((vector) => cosine(query, vector)));
        assert.ok(Math.abs(score - best) < (type === "float32" ? 1e-6 : 0.02), `${type} ${id}: ${score} for ${best}`);
      }
    }
  });

  test("a filter is asked about those alone that would be results; k and zeros", () => {
    const [query, ...list] = vectors(8, 3000, 32);
    const index = filled({ dimensions: 32, type: "float32" }, list);
    const all = index.search(query, { k: 3000 });
    let asked = 0;
    const even = index.search(query, { k: 5, filter: (id) => (asked += 1) && id % 2 === 0 });
    assert.deepEqual(even, all.filter(({ id }) => id % 2 === 0).slice(0, 5));
    assert.ok(asked < 300, `${asked} of 3000`);
    assert.deepEqual(index.search(query, { k: 1 }), all.slice(0, 1));
    assert.deepEqual(index.search(query, { filter: () => false }), []);
    assert.deepEqual(new search.VectorIndex({ dimensions: 3 }).search([1, 2, 3]), []);
    for (const type of ["float32", "int8"]) {
      const some = filled({ dimensions: 3, type }, [[0, 0, 0], [1, 0, 0]]);
      assert.deepEqual(some.search([0, 0, 0]).map(({ score }) => score), [0, 0]);
      assert.equal(some.search([-1, 0, 0])[0].id, 0);
    }
  });

  test("what makes no sense is refused, and leaves the index as it was", () => {
    const index = filled({ dimensions: 3 }, [[1, 2, 3]]);
    const refused = (work, name) => assert.throws(work, (error) => error.code === "option/invalid" && error.message.includes(`option ${name}:`));
    refused(() => new search.VectorIndex({ dimensions: 0 }), "dimensions");
    refused(() => new search.VectorIndex({ dimensions: 3, type: "int4" }), "type");
    refused(() => new search.VectorIndex({ dimensions: 3, rescore: 5 }), "rescore");
    refused(() => new search.VectorIndex({ dimension: 3 }), "dimension");
    refused(() => index.add("a", [1, 2]), "vectors");
    refused(() => index.add("a", []), "vectors");
    refused(() => index.add(0, [[1, 2, 3], [1, 2, Number.NaN]]), "vectors[1][2]");
    refused(() => index.add("a", [1, 2, "3"]), "vectors[2]");
    refused(() => index.add(Number.NaN, [1, 2, 3]), "id");
    refused(() => index.add({}, [1, 2, 3]), "id");
    refused(() => index.search([1, 2, 3], { k: 0 }), "k");
    refused(() => index.search([1, 2, 3], { filter: true }), "filter");
    refused(() => index.search([1, 2, 3], { top: 1 }), "top");
    refused(() => index.search("abc"), "vector");
    assert.equal(index.size, 1);
    assert.ok(index.search([1, 2, 3])[0].score > 0.999);
  });

  test("saved and loaded, it gives the same; damaged, cut off or foreign bytes are refused with what is wrong", () => {
    const [query, ...list] = vectors(9, 40, 24);
    const refused = (bytes, where) =>
      assert.throws(
        () => search.VectorIndex.load(bytes),
        (error) => error instanceof nanolm.NanolmError && error.code === "index/invalid" && where.test(error.message) && error.details.expected !== undefined,
      );
    for (const type of TYPES) {
      const index = filled({ dimensions: 24, type }, list);
      index.add("twice", [list[0], list[1]]);
      index.remove(3);
      const bytes = index.save();
      const again = search.VectorIndex.load(bytes);
      assert.deepEqual(again.search(query, { k: 50 }), index.search(query, { k: 50 }));
      assert.deepEqual([again.size, again.type, again.dimensions], [40 - 1, type, 24]);
      assert.deepEqual(again.save(), bytes);
      again.add(3, list[3]);
      assert.equal(again.search(list[3])[0].id, 3);
      for (let length = 0; length < bytes.length; length += length < 40 ? 1 : 97) refused(bytes.slice(0, length), /its length|bytes 0 to 7/);
      for (let at = 0; at < bytes.length; at += at < 40 ? 1 : 61) {
        const damaged = bytes.slice();
        damaged[at] ^= 4;
        refused(damaged, /bytes 0 to 7|version|its length|CRC-32/);
      }
    }
    refused(readFileSync(join(ROOT, "LICENSE")), /bytes 0 to 7: expected "nanolmix", found "MIT/);
    refused([1, 2, 3], /Uint8Array/);
  });

  test("kept under a name, in a folder", async () => {
    const list = vectors(10, 5, 8);
    const index = filled({ dimensions: 8 }, list);
    assert.equal(await search.VectorIndex.open("../a name/ü"), undefined);
    await index.keep("../a name/ü");
    await index.keep(".");
    assert.deepEqual(await search.list(), [".", "../a name/ü"]);
    assert.deepEqual((await search.VectorIndex.open("../a name/ü")).search(list[2]), index.search(list[2]));
    assert.deepEqual([await search.remove("../a name/ü"), await search.remove("../a name/ü")], [true, false]);
    assert.deepEqual(await search.list(), ["."]);
    await assert.rejects(index.keep(""), { code: "option/invalid" });
  });
});

/** Paragraphs of this repository's documents: texts that are about something. */
const paragraphs = ["", "docs/"]
  .flatMap((folder) => readdirSync(join(ROOT, folder)).filter((name) => name.endsWith(".md")).map((name) => join(ROOT, folder, name)))
  .sort()
  .flatMap((path) => readFileSync(path, "utf8").split(/\n\n+/))
  .filter((text) => text.length > 60);

test("of the exact ten nearest, int8 finds 99 %, and bits with candidates compared again 95 %", async () => {
  const texts = [...new Set(paragraphs.flatMap((text) => text.split("\n")).filter((line) => line.length > 40))];
  assert.ok(texts.length > 1000, `${texts.length}`);
  const list = await model.embed(texts);
  const dimensions = list[0].length;
  const queries = list.filter((_, i) => i % 3 === 0);
  const exact = filled({ dimensions, type: "float32" }, list);
  const int8 = recall(filled({ dimensions, type: "int8" }, list), exact, queries, 10);
  const binary = recall(filled({ dimensions, type: "binary" }, list), exact, queries, 10);
  console.log(`recall over ${texts.length} texts, ${queries.length} queries: int8 ${int8.toFixed(4)}, binary ${binary.toFixed(4)}`);
  assert.ok(int8 >= 0.99, `int8: ${int8}`);
  assert.ok(binary >= 0.95, `binary: ${binary}`);
});

describe("TextIndex", () => {
  const DOCUMENTS = [
    { id: "cats", text: "Cats sleep for most of the day. A kitten plays with wool, and hunts mice at night.", metadata: { topic: "animals", year: 2020 } },
    { id: "bread", text: "Bread needs flour, water, salt and yeast. The dough rests for an hour, then it is baked in a hot oven.", metadata: { topic: "food", year: 2021 } },
    { id: 7, text: "The parliament passed a law on taxes. Voters elect a new government in spring.", metadata: { topic: "politics", year: 2022 } },
  ];
  const made = async (options) => {
    const index = await search.TextIndex.create(model, options);
    await index.add(DOCUMENTS);
    return index;
  };

  test("finds passages by what they say, with their places and metadata", async () => {
    const index = await made();
    const [first] = await index.search("baking a loaf in the oven");
    assert.deepEqual({ ...first, score: 0 }, { id: "bread", text: DOCUMENTS[1].text, start: 0, end: DOCUMENTS[1].text.length, metadata: DOCUMENTS[1].metadata, score: 0 });
    assert.ok(first.score > 0.2 && first.score <= 1);
    assert.equal((await index.search("an election of the government"))[0].id, 7);
    const old = await index.search("an election of the government", { filter: ({ metadata }) => metadata.year < 2022 });
    assert.deepEqual(old.map(({ id }) => id).sort(), ["bread", "cats"]);
    assert.equal((await index.search("cats", { k: 1 })).length, 1);
    assert.equal(index.remove("bread"), true);
    assert.equal(index.remove("bread"), false);
    assert.ok((await index.search("baking a loaf in the oven")).every(({ id }) => id !== "bread"));
    await index.add({ id: "cats", text: "The oven bakes bread out of flour and yeast." });
    assert.deepEqual([index.size, (await index.search("baking a loaf in the oven"))[0].id, index.get("cats").metadata], [2, "cats", undefined]);
  });

  test("passages are whole sentences where they fit, and lose nothing but white space", async () => {
    const long = "x".repeat(130);
    const text = `${paragraphs.join("\n\n")}\n\n${long} 😀${"😀".repeat(60)} end.   \n`;
    const seen = [];
    const embedder = { info: { name: "counter" }, embed: async (texts) => (seen.push(...texts), texts.map(() => Float32Array.of(1, 0))) };
    for (const passage of [50, 120, 800]) {
      const index = await search.TextIndex.create(embedder, { passage });
      await index.add({ id: 1, text });
      const found = (await index.search("?", { k: 1e6 })).sort((a, b) => a.start - b.start);
      assert.equal(found.length, index.passages);
      let at = 0;
      for (const { start, end, text: part } of found) {
        assert.match(text.slice(at, start), /^\s*$/, "nothing between passages but white space");
        assert.equal(part, text.slice(start, end));
        assert.equal(part, part.trim());
        assert.ok(part.length > 0 && part.length <= passage, `${part.length} of ${passage}`);
        assert.ok(part.isWellFormed?.() ?? true, "no character is cut in two");
        at = end;
      }
      assert.match(text.slice(at), /^\s*$/);
    }
    const index = await search.TextIndex.create(embedder, { passage: 60 });
    await index.add({ id: 1, text: "One sentence is here, and it is short. Another one is there, and it ends. A third." });
    assert.deepEqual(
      (await index.search("?")).map(({ text: part }) => part),
      ["One sentence is here, and it is short.", "Another one is there, and it ends. A third."],
    );
    await index.add({ id: 2, text: " \n " });
    assert.deepEqual([index.size, index.passages], [2, 2]);
  });

  test("prefixes go before passages and queries", async () => {
    const seen = [];
    const embedder = { info: { name: "e5" }, embed: async (texts, { signal, onProgress, ...rest }) => (seen.push([texts, rest]), texts.map(() => Float32Array.of(1, 1))) };
    const index = await search.TextIndex.create(embedder, { prefix: "passage: ", queryPrefix: "query: " });
    await index.add({ id: 1, text: "Some text." });
    await index.search("what?");
    assert.deepEqual(seen.slice(1), [[["Some text."], { prefix: "passage: " }], [["what?"], { prefix: "query: " }]]);
  });

  test("adding many tells its progress; aborted, what was ready stays and the rest can follow", async () => {
    const documents = paragraphs.slice(0, 100).map((text, id) => ({ id, text }));
    const index = await search.TextIndex.create(model, { passage: 200 });
    const controller = new AbortController();
    const told = [];
    const onProgress = ({ phase, loaded, total }) => {
      assert.equal(phase, "embed");
      told.push([loaded, total]);
      if (index.size > 0) controller.abort(new Error("enough"));
    };
    await assert.rejects(index.add(documents, { signal: controller.signal, onProgress }), /enough/);
    assert.ok(told.length > 1 && index.size > 0 && index.size < documents.length, `${index.size}`);
    await index.add(documents.filter(({ id }) => !index.has(id)));
    const whole = await search.TextIndex.create(model, { passage: 200 });
    const all = [];
    await whole.add(documents, { onProgress: ({ loaded, total }) => all.push([loaded, total]) });
    assert.deepEqual(all.at(-1), [whole.passages, whole.passages]);
    assert.ok(all.every(([loaded], i) => i === 0 || loaded >= all[i - 1][0]));
    const [a, b] = [await index.search("the cache of downloads"), await whole.search("the cache of downloads")];
    assert.deepEqual(a, b);
    await assert.rejects(whole.search("x", { signal: AbortSignal.abort(new Error("no")) }), /no/);
  });

  test("saved with what tells its model: that one goes on with it, another is refused", async () => {
    const index = await made({ type: "float32" });
    const bytes = index.save();
    const again = await search.TextIndex.load(bytes, model);
    assert.deepEqual(await again.search("pets"), await index.search("pets"));
    assert.deepEqual(again.save(), bytes);
    await again.add({ id: "new", text: "A kitten." });
    assert.equal(again.size, 4);
    assert.equal((await again.search("A kitten."))[0].id, "new");
    const other = await nanolm.Model.load(pathToFileURL(join(ROOT, "tests/golden/tiny-bert/")), { device: "cpu" });
    try {
      await assert.rejects(search.TextIndex.load(bytes, other), { code: "index/model" });
      const turned = { info: { name: "turned" }, embed: async (texts) => (await model.embed(texts)).map((vector) => vector.toReversed?.() ?? vector.slice().reverse()) };
      await assert.rejects(search.TextIndex.load(bytes, turned), (error) => error.code === "index/model" && error.details.now === "turned" && error.details.made === model.info.name);
      const own = await search.TextIndex.create(other);
      await own.add(DOCUMENTS);
      assert.equal((await own.search(DOCUMENTS[2].text))[0].id, 7);
    } finally {
      await other.dispose();
    }
    await assert.rejects(search.TextIndex.load(bytes.slice(0, -1), model), { code: "index/invalid" });
    assert.throws(() => search.VectorIndex.load(bytes), /kind: expected "vectors", found "texts"/);
    await index.keep("texts");
    assert.deepEqual(await (await search.TextIndex.open("texts", model)).search("pets"), await index.search("pets"));
    assert.equal(await search.TextIndex.open("none", model), undefined);
  });

  test("what makes no sense is refused", async () => {
    await assert.rejects(search.TextIndex.create({}), { code: "option/invalid" });
    await assert.rejects(search.TextIndex.create(model, { passages: 3 }), /option passages/);
    await assert.rejects(search.TextIndex.create(model, { passage: 3 }), /option passage:/);
    const index = await search.TextIndex.create(model);
    await assert.rejects(index.add([{ id: 1, text: "a" }, { id: 2 }]), /option documents\[1\]\.text/);
    await assert.rejects(index.add({ id: 1, text: "a", metadata: 1n }), /option document\.metadata/);
    await assert.rejects(index.search(3), /option query/);
    assert.equal(index.size, 0);
  });
});
