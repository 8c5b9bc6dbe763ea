// The demo page when something is stopped, damaged, offline or of another version.
import assert from "node:assert/strict";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, test } from "node:test";
import { ROOT } from "./support/browser.mjs";
import { demoPage, missing, noCompanion, PATIENCE } from "./support/site.mjs";

if (missing) console.log(`SKIPPED demo page, kept and versions: ${missing}`);

describe("demo page, kept and versions", { skip: missing }, () => {
  const demo = demoPage();
  const { publish, visit, shown, says, loaded, finished, summarise, open } = demo;
  let browser, site, server, context, page, problems;
  beforeEach(() => {
    ({ browser, site, server, context, page, problems } = demo);
  });

  test("stop ends the wait, the load and the run, and each can be begun again", async () => {
    // Without a service worker, so that the model comes from the network, where it can be held up.
    const bare = await browser.newContext({ serviceWorkers: "block" });
    const held = await bare.newPage();
    await held.route("**/nanolm-default.gguf", () => {});
    await held.goto(`${server.origin}/`);
    await held.click("#summarise");
    await says("summarise-text", "^Waiting", held);
    await held.click("#summarise-stop");
    await says("summarise-text", "^Stopped", held);
    await held.click("#load-action");
    await says("load-text", "^Stopped", held);
    assert.equal(await shown("load-action", held), "Load the model");
    await held.unroute("**/nanolm-default.gguf");
    await held.selectOption("#sample", "measures");
    await held.check("input[value=tldr]", { force: true });
    await held.click("#summarise");
    await says("summarise-text", "^(Reading|Weighing)", held);
    await held.click("#summarise-stop");
    await says("summarise-text", "^Stopped", held);
    assert.ok((await summarise(held)).length === 0, "a sentence, not points");
    assert.match(await shown("summarise-text", held), /^Done/);
    await bare.close();
  });

  test("a damaged file says why, and the page goes on with the model it had", async () => {
    await loaded();
    const name = await shown("model-name");
    await open("half.gguf", readFileSync(join(ROOT, "tests/golden/tiny-llama/model-q8_0.gguf")).subarray(0, 5000));
    await says("load-text", "^Loading failed");
    assert.match(await shown("load-notice"), /half\.gguf.*\(format\//);
    assert.equal(await shown("model-name"), name);
    await page.click("#summarise");
    await page.waitForSelector("#point-1");
  });

  test("an own model takes over, and the built-in one comes back", async () => {
    await loaded();
    await open("own.gguf", readFileSync(join(ROOT, "tests/golden/tiny-llama/model-q8_0.gguf")));
    await says("model-name", "own.gguf");
    await page.click("#summarise");
    await finished();
    assert.match(await shown("summary"), /not made to summarise.*task\/unsupported/);
    await page.click("#load-action");
    await says("model-name", "^(?!own)");
    assert.ok((await summarise()).length > 0);
  });

  test("with the server gone everything works as before", async () => {
    const before = await summarise();
    await says("offline-text", "^Works offline");
    await server.close();
    await page.reload();
    assert.deepEqual(await summarise(), before);
    await says("offline-text", "^No network, and everything works");
    await page.click("#model-toggle");
    await page.selectOption("#device", "cpu");
    assert.deepEqual(await summarise(), before);
  });

  test("the companion model is kept once it was asked for, and no sooner", { skip: noCompanion }, async () => {
    const kept = () => page.evaluate(async () => (await Promise.all((await caches.keys()).map(async (name) => (await (await caches.open(name)).keys()).map(({ url }) => url)))).flat());
    const search = async () => {
      await page.click("#tab-search");
      await page.check("#better");
      await page.fill("#query", "Which invention made the ride smoother?");
      await page.click("#search");
      await finished("hits");
      return page.locator("#hits .find-text").allTextContents();
    };
    await says("offline-text", "^Works offline");
    await page.reload();
    await loaded();
    await says("offline-text", "^Works offline: ");
    assert.ok(!(await kept()).some((url) => url.includes("/embed/")));
    const found = await search();
    assert.ok((await kept()).some((url) => url.endsWith("/embed/model.gguf")));
    await server.close();
    await page.reload();
    await loaded();
    assert.deepEqual(await search(), found);
    // The page asks the server whether there is a newer version: the browser says that nobody answers.
    assert.deepEqual(problems.filter((text) => !text.includes("ERR_CONNECTION_REFUSED")), []);
  });

  describe("versions", () => {
    /** Two modules that say which version they are of. */
    const mark = (version, modules = ["a", "b"]) => {
      const files = { a: "js/dom.js", b: "js/tabs.js" };
      for (const each of modules) appendFileSync(join(site, files[each]), `globalThis.version_${each} = ${version};\n`);
    };
    const running = (of = page) => of.evaluate(() => [globalThis.version_a ?? 1, globalThis.version_b ?? 1]);
    beforeEach(async () => {
      await says("offline-text", "^Works offline");
      await page.reload();
      await says("offline-text", "^Works offline: ");
    });

    test("a page never gets files of two versions; the new one starts when the old one is closed", async () => {
      mark(2);
      publish();
      await page.reload();
      await says("offline-text", "newer version is ready");
      const second = await visit();
      assert.deepEqual([await running(), await running(second)], [[1, 1], [1, 1]]);
      await says("offline-text", "newer version is ready", second);
      await page.click("#offline-text button");
      await says("offline-text", "close them first");
      await second.close();
      await page.reload();
      await says("offline-text", "newer version is ready");
      await page.click("#offline-text button");
      await page.waitForFunction(() => globalThis.version_a === 2, null, PATIENCE);
      assert.deepEqual(await running(), [2, 2]);
      assert.equal((await page.evaluate(() => caches.keys())).filter((name) => name.startsWith("nanolm-page")).length, 1);
    });

    test("a version that is only half on the server is not taken", async () => {
      const old = readFileSync(join(site, "js/tabs.js"));
      mark(2);
      publish();
      writeFileSync(join(site, "js/tabs.js"), old);
      await page.reload();
      await says("offline-text", "newer version could not be saved: js/tabs.js");
      await page.reload();
      assert.deepEqual(await running(), [1, 1]);
    });

    test("a file that got lost is fetched again if it is the same, and refused if it is not", async () => {
      const lose = () =>
        page.evaluate(async () => {
          const name = (await caches.keys()).find((each) => each.startsWith("nanolm-page"));
          await (await caches.open(name)).delete(new URL("samples/vaccines.txt", location.href));
        });
      await lose();
      assert.equal(await page.evaluate(async () => (await fetch("samples/vaccines.txt")).status), 200);
      await lose();
      appendFileSync(join(site, "samples/vaccines.txt"), "changed");
      // Where the browser's own cache does not have the same any more, either.
      const devtools = await context.newCDPSession(page);
      await devtools.send("Network.clearBrowserCache");
      assert.equal(await page.evaluate(async () => (await fetch("samples/vaccines.txt")).status), 503);
    });
  });
});
