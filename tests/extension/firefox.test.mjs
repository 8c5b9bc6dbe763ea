// The same zip's contents in Firefox: a sidebar in place of the side panel, a frame of the background page in place of the offscreen
// document. The rest is as in Chromium, and tested there.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { serve } from "../web/support/server.mjs";
import { pause, unzipped } from "./support/chromium.mjs";
import { firefoxPath, launchFirefox } from "./support/firefox.mjs";

const skip = firefoxPath() === undefined;
if (skip) console.log("SKIPPED  the extension in Firefox: there is none (apt-get install firefox-esr, or NANOLM_FIREFOX=/path/to/it)");

describe("the extension in Firefox", { skip }, () => {
  let folder, firefox, server;
  before(async () => {
    folder = unzipped("firefox");
    server = await serve({ "/": join(import.meta.dirname, "pages") }, { policy: "default-src 'none'; style-src 'unsafe-inline'; img-src data:" });
    firefox = await launchFirefox(folder);
  });
  after(async () => {
    await firefox?.close();
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const marked = (name) =>
    firefox.evaluate(firefox.page, (name) => [...(CSS.highlights.get(`nanolm-${name}`) ?? [])].map((range) => range.toString().replace(/\s+/g, " ")), name);

  test("the button opens the sidebar, whose points lead into the article", async () => {
    await firefox.goto(`${server.origin}/news.html`);
    await firefox.press();
    await firefox.untilInPanel((document) => document.querySelectorAll(".point").length === 3 && document.getElementById("main").ariaBusy === "false");
    const points = await firefox.untilInPanel((document) => [...document.querySelectorAll(".point")].map(({ textContent }) => textContent));
    for (const text of points) assert.match(text, /comet|lander|Philae|Rosetta/);
    const everything = await firefox.untilInPanel((document) => document.getElementById("main").textContent);
    assert.doesNotMatch(everything, /partners|skywatcher|garden furniture|recipes|All rights/i);
    assert.deepEqual(await marked("points"), points);
    await firefox.untilInPanel((document) => {
      document.querySelectorAll(".point")[2].click();
      return true;
    });
    for (const end = Date.now() + 5000; (await marked("current"))[0] !== points[2]; await pause(50)) assert.ok(Date.now() < end, "nothing is marked");
    assert.deepEqual((await firefox.views()).sort(), ["/_generated_background_page.html", "/engine.html", "/options.html", "/panel.html"]);
  });

  test("the background page may end: the next question brings the engine back", async () => {
    for (const end = Date.now() + 15000; (await firefox.views()).includes("/engine.html"); await pause(100)) {
      assert.ok(Date.now() < end, "the background page stays, although nothing runs");
    }
    await firefox.untilInPanel((document) => {
      document.getElementById("question").value = "When did the spacecraft land on the comet?";
      document.getElementById("ask").requestSubmit();
      return true;
    });
    assert.equal(await firefox.untilInPanel((document) => document.querySelector("#answer strong")?.textContent), "12 November 2014");
  });
});
