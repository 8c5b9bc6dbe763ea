// Choosing the device: GPUs that are missing or fail in every way, and what `auto` makes of them.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openPage, serveApp } from "./support/app.mjs";
import { launch } from "./support/browser.mjs";

let app;
let browser;
before(async () => {
  app = await serveApp();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await app?.close();
});

/** Loads the package at an address with a device; gives the device chosen and a text, or the error. */
const load = (page, base, device) =>
  page.evaluate(
    async ([base, device]) => {
      const { Model } = await import(`${base}index.js`);
      try {
        const model = await Model.load("/golden/tiny-llama/", { device });
        const text = await model.generate("The keeper", { maxNewTokens: 8 }).text();
        return { device: { ...model.device }, text };
      } catch (error) {
        return { error: { name: error.name, code: error.code, message: error.message } };
      }
    },
    [base, device],
  );

test("auto says what it chose and why", async () => {
  const page = await openPage(browser, app);
  const { device, text } = await load(page, "/nanolm/", "auto");
  assert.ok(["cpu", "gpu"].includes(device.kind));
  assert.ok(device.reason.length > 10, device.reason);
  assert.ok(text.length > 0);
  await page.context().close();
});

for (const broken of ["noadapter", "nodevice", "noshaders", "nogpu"]) {
  describe(`a GPU with ${broken}`, () => {
    test("auto falls back to the CPU with a reason", async () => {
      const page = await openPage(browser, app);
      const good = await load(page, "/nanolm/", "cpu");
      const { device, text, error } = await load(page, `/broken/${broken}/`, "auto");
      assert.equal(error, undefined, JSON.stringify(error));
      assert.equal(device.kind, "cpu");
      assert.match(device.reason, /GPU|adapter|WebGPU/i);
      assert.equal(text, good.text);
      await page.context().close();
    });

    test("gpu gives an error that says what to do", async () => {
      const page = await openPage(browser, app);
      const { error } = await load(page, `/broken/${broken}/`, "gpu");
      assert.equal(error?.code, "gpu/failed", JSON.stringify(error));
      assert.equal(error.name, "GpuError");
      assert.match(error.message, /cpu/);
      await page.context().close();
    });
  });
}

test("a browser without WebGPU runs on the CPU", async () => {
  const plain = await launch({ gpu: "none" });
  try {
    const page = await openPage(plain, app);
    const { device, text } = await load(page, "/nanolm/", "auto");
    assert.equal(device.kind, "cpu");
    assert.ok(device.reason.length > 10, device.reason);
    assert.ok(text.length > 0);
  } finally {
    await plain.close();
  }
});

/** Streams 60 tokens on the GPU of the package at an address; gives the pieces, the device before and after, and what a next call says. */
const story = (page, base, device = "gpu") =>
  page.evaluate(
    async ([base, device]) => {
      const { Model } = await import(`${base}index.js`);
      const model = await Model.load("/golden/tiny-llama/", { device });
      const before = { ...model.device };
      const pieces = [];
      const stream = model.generate("Boats came in late", { maxNewTokens: 60 });
      for await (const piece of stream) pieces.push([piece.tokenId, piece.text]);
      const { usage, finishReason } = await stream.result;
      const after = { ...model.device };
      const again = await model.generate("Boats came in late", { maxNewTokens: 60 }).text();
      await model.dispose();
      return { pieces, usage, finishReason, before, after, again };
    },
    [base, device],
  );

describe("a GPU that is lost", () => {
  let whole;
  let page;
  before(async () => {
    page = await openPage(browser, app);
    whole = await story(page, "/nanolm/");
    assert.equal(whole.pieces.length, 60);
    assert.equal(whole.after.kind, "gpu", whole.after.reason);
  });
  after(() => page?.context().close());

  for (const [broken, kind, reason] of [
    ["lost", "gpu", /^opened anew after the GPU was lost \(.*agrees with the CPU/],
    ["lostidle", "gpu", /^opened anew after the GPU was lost/],
    ["losttwice", "cpu", /^moved from the GPU, which was lost .*twice within 60 s/],
    ["lostforgood", "cpu", /^moved from the GPU, which was lost .*no new one/],
  ]) {
    test(`is survived without a gap: ${broken}`, async () => {
      const found = await story(page, `/broken/${broken}/`);
      assert.equal(found.before.kind, "gpu", found.before.reason);
      assert.deepEqual(found.pieces, whole.pieces);
      assert.deepEqual(found.usage, whole.usage);
      assert.equal(found.finishReason, whole.finishReason);
      assert.equal(found.after.kind, kind, found.after.reason);
      assert.match(found.after.reason, reason);
      assert.equal(found.after.build, found.before.build);
      assert.equal(found.again, whole.again);
    });
  }
});
