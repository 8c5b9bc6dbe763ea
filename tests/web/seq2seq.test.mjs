// Encoder-decoders in a page: the tiny T5s, whose outputs `transformers` says (tests/golden/make_seq2seq.py).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { expectedOf, openApp } from "./support/app.mjs";

const NAMES = {
  num_beams: "numBeams",
  early_stopping: "earlyStopping",
  length_penalty: "lengthPenalty",
  no_repeat_ngram_size: "noRepeatNgram",
  min_new_tokens: "minNewTokens",
  repetition_penalty: "repetitionPenalty",
};
const END = 1;

let opened, page;
before(async () => {
  opened = await openApp({ gpu: "none" });
  ({ page } = opened);
});
after(() => opened?.close());

for (const folder of ["tiny-t5", "tiny-t5-relu"]) {
  test(`${folder}: generate writes what transformers does, greedily and by beams`, async () => {
    const { cases, searches, new: maxNewTokens } = expectedOf(folder);
    const options = searches.map((search) => ({
      maxNewTokens,
      numBeams: 1,
      ...Object.fromEntries(Object.entries(search).map(([name, value]) => [NAMES[name], value])),
    }));
    const { all, info } = await page.evaluate(
      async ([folder, texts, options]) => {
        const model = await nanolm.Model.load(`/golden/${folder}/`, { cache: false });
        const all = [];
        for (const text of texts) {
          for (const one of options) {
            const stream = model.generate(text, one);
            const tokens = [];
            let shown = "";
            for await (const piece of stream) {
              tokens.push(piece.tokenId);
              shown += piece.text;
            }
            const { text: whole, finishReason, usage } = await stream.result;
            all.push({ tokens, same: shown === whole, whole, finishReason, read: usage.promptTokens });
          }
        }
        const { tasks, methods, device, recipes } = model.info;
        await model.dispose();
        return { all, info: { tasks, methods, device, recipes } };
      },
      [folder, cases.map(({ text }) => text), options],
    );
    assert.equal(info.device.kind, "cpu");
    assert.match(info.device.reason, /encoder-decoders run on the CPU/);
    for (const task of ["generate", "tldr", "translate"]) assert.ok(info.tasks.includes(task), task);
    for (const task of ["chat", "complete", "rewrite"]) assert.ok(!info.tasks.includes(task), task);
    assert.deepEqual([info.methods.tldr, info.methods.translate], ["model", "model"]);
    assert.equal(info.recipes["translation_en_to_de.prefix"], "translate English to German: ");
    for (const [i, { text, tokens, outputs, decoded }] of cases.entries()) {
      for (const [k, wanted] of outputs.entries()) {
        const found = all[i * options.length + k];
        const written = found.finishReason === "stop" && found.tokens.at(-1) !== END ? [...found.tokens, END] : found.tokens;
        assert.deepEqual(written, wanted, `${text}: ${JSON.stringify(searches[k])}`);
        assert.ok(found.same);
        assert.equal(found.read, tokens.length);
      }
      assert.equal(all[i * options.length].whole, decoded);
    }
  });
}

test("tasks go by what the files say of them; what makes no sense is refused; a call can be aborted", async () => {
  const found = await page.evaluate(async () => {
    const model = await nanolm.Model.load("/golden/tiny-t5/", { cache: false, quantize: "q8_0" });
    const text = "The keeper lights the lamp. The ship sees it.";
    const summary = await model.summarize(text).result;
    const same = await model.generate(`summarize: ${text}`, {
      maxNewTokens: 11, minNewTokens: 2, numBeams: 4, lengthPenalty: 2, earlyStopping: true, noRepeatNgram: 3,
    }).text();
    const german = { maxNewTokens: 19, numBeams: 4, earlyStopping: true };
    const alone = [];
    for (const part of ["The keeper lights the lamp.", "The ship sees it."]) {
      alone.push(await model.generate(`translate English to German: ${part}`, german).text());
    }
    const translated = await model.translate(text, { to: "de-AT", from: "English" }).text();
    const long = await model.summarize(`${text} `.repeat(80)).result;
    const paragraphs = await model.translate("The lamp.\n\nThe ship.", { to: "German" }).text();
    const errors = {
      to: await failure(model.translate(text, { to: "xx" }).result),
      from: await failure(model.translate(text, { to: "de", from: "fr" }).result),
      unknown: await failure(model.translate(text, { to: "de", tone: "formal" }).result),
      type: await failure(model.summarize(text, { type: "headline" }).result),
      length: await failure(model.summarize(text, { length: "long" }).result),
      chat: await failure(model.chat([{ role: "user", content: "Hello" }]).result),
      session: await failure(model.session()),
      rewrite: await failure(model.rewrite(text).result),
      complete: await failure(model.complete(text).result),
      beams: await failure(model.generate(text, { numBeams: 99 }).result),
      source: await failure(model.generate("lamp ".repeat(2000)).result),
    };
    const progress = [];
    const controller = new AbortController();
    const aborted = await failure(
      model.generate(text, {
        numBeams: 4,
        maxNewTokens: 400,
        minNewTokens: 400,
        signal: controller.signal,
        onProgress: ({ phase }) => {
          progress.push(phase);
          if (phase === "decode") controller.abort();
        },
      }).result,
    );
    const after = await model.generate(`summarize: ${text}`, { numBeams: 2, maxNewTokens: 8 }).text();
    await model.dispose();
    return { summary, same, alone, translated, long, paragraphs, errors, progress, aborted, after };
  });
  assert.equal(found.summary.text, found.same);
  assert.ok(found.summary.sentences.length >= 1 || found.same.trim() === "");
  assert.equal(found.translated, found.alone.join(" "));
  assert.ok(found.long.usage.promptTokens > 512, "parts were read");
  assert.match(found.paragraphs, /\n\n/);
  const codes = Object.fromEntries(Object.entries(found.errors).map(([name, error]) => [name, error?.code]));
  assert.deepEqual(codes, {
    to: "option/invalid",
    from: "option/invalid",
    unknown: "option/invalid",
    type: "task/unsupported",
    length: "option/invalid",
    chat: "task/unsupported",
    session: "task/unsupported",
    rewrite: "task/unsupported",
    complete: "task/unsupported",
    beams: "option/invalid",
    source: "session/context-full",
  });
  assert.match(found.errors.to.message, /de/);
  assert.ok(found.progress.includes("prefill") && found.progress.includes("decode"));
  assert.equal(found.aborted.name, "AbortError");
  assert.equal(typeof found.after, "string");
});

test("Model.check knows them", async () => {
  const check = await page.evaluate(async () => nanolm.Model.check("/golden/tiny-t5/", { cache: false }));
  assert.ok(check.fits, check.reason);
  assert.equal(check.architecture, "T5ForConditionalGeneration");
  assert.ok(check.tasks.includes("translate") && check.tasks.includes("tldr") && !check.tasks.includes("complete"));
});
