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
