// The SHA-256 that takes its bytes piece by piece, against Node's.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../web/support/browser.mjs";

const { Sha256 } = await import(join(ROOT, "build/package/files/sha256.js"));

test("every length around a block's, in pieces of every kind", () => {
  for (let length = 0; length <= 300; length++) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 131 + length) & 255);
    const right = `sha256-${createHash("sha256").update(bytes).digest("base64")}`;
    for (const piece of [1, 7, 55, 64, 65, 300]) {
      const hash = new Sha256();
      for (let at = 0; at < length; at += piece) hash.add(bytes.subarray(at, at + piece));
      assert.equal(hash.length, length);
      assert.equal(hash.end(), right, `${length} bytes in pieces of ${piece}`);
    }
  }
});
