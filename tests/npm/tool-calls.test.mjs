// Calls among free text, token by token: whatever is drawn of what the guide allows, a call that was begun is whole, and text stays text.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../web/support/browser.mjs";
import { randomOf } from "../web/support/schemas.mjs";

const { callsGuide } = await import(join(ROOT, "build/package/engine/calls.js"));
const { ToolCalls } = await import(join(ROOT, "build/package/openai/tool-calls.js"));

const CALLS = ['{"name":"a","arguments":{}}', '{"name":"b","arguments":{"x": 1}}'];
const LISTS = [`[${CALLS[0]}]`, `[${CALLS.join(",")}]`];
const LETTERS = [...new Set([...CALLS.join(""), ..."<tool_call>/ [TOOL_CALLS]\n{x"])];
const PIECES = ["<tool", "_call", ">\n", ">{", "<tool_call>", "<tool_call>{", "</tool_call>", "x<tool_call>", "l>x", '{"name', '": "', "}}", "}}\n", "\n</", "  ", ' {"', "héy"];
const latin = (text) => String.fromCharCode(...new TextEncoder().encode(text));
const bit = (mask, token) => ((mask[token >> 5] >>> (token & 31)) & 1) === 1;

/** A grammar of these texts. */
function grammar(whole, texts) {
  let written = "";
  return (token) => {
    written = token === undefined ? "" : written + texts[token];
    if (whole.includes(written)) return undefined;
    assert.ok(whole.some((text) => text.startsWith(written)), `the grammar was given ${JSON.stringify(written)}`);
    const mask = new Uint32Array((texts.length + 32) >> 5);
    texts.forEach((text, token) => {
      if (text !== "" && whole.some((each) => each.startsWith(written + text))) mask[token >> 5] |= 1 << (token & 31);
    });
    return mask;
  };
}

/** Draws up to `most` tokens. Marks are drawn now and then where they may be. */
function drawn(form, whole, texts, random, eager, most = 120) {
  const guide = callsGuide(form, grammar(whole, texts), texts);
  const names = Object.fromEntries(Object.entries(form.controls).map(([text, token]) => [token, text]));
  let text = "";
  let mask = guide(undefined);
  for (let n = 0; n < most && mask !== undefined; n++) {
    const allowed = texts.flatMap((_, token) => (bit(mask, token) ? [token] : []));
    if (allowed.length === 0) return { text, ended: bit(mask, texts.length) };
    const wanted = allowed.filter((token) => /tool|call|^[<>l_]/.test(texts[token]) || names[token] !== undefined);
    const of = wanted.length > 0 && random() < eager ? wanted : allowed;
    const token = of[Math.floor(random() * of.length)];
    text += names[token] ?? texts[token];
    mask = guide(token);
  }
  return { text, ended: mask === undefined || bit(mask, texts.length) };
}

const FORMS = {
  "marks of text": { open: "<tool_call>", close: "</tool_call>", controls: {} },
  "marks that are control tokens": { open: "<tool_call>", close: "</tool_call>", controls: { "<tool_call>": 0, "</tool_call>": 1, "<|im_end|>": 2 } },
  "a list at the end": { open: "[TOOL_CALLS]", close: "", controls: { "[TOOL_CALLS]": 0, "<|im_end|>": 2 }, list: true },
  "the whole answer": { open: "", close: "", controls: { "<|python_tag|>": 0 } },
};

for (const [name, form] of Object.entries(FORMS)) {
  test(name, () => {
    const texts = ["", "", "", ...new Set([...LETTERS, ...PIECES])].map(latin);
    const whole = form.list ? LISTS : CALLS;
    let [found, free] = [0, 0];
    for (let seed = 0; seed < 400; seed++) {
      const { text, ended } = drawn(form, whole, texts, randomOf(seed), seed % 2 === 0 ? 0.7 : 0.05);
      if (!ended) continue;
      const calls = whole.map((each) => each.replace(/[[\]{}]/g, "\\$&")).join("|");
      const shape = {
        "a list at the end": `^(?:(?!\\[TOOL_CALLS\\])[^])*(?:\\[TOOL_CALLS\\][\\n ]?(?:${calls}))?$`,
        "the whole answer": `^(?:\\s*(?:${calls})|(?!\\s*\\{)(?:(?!<\\|python)[^])*(?:<\\|python_tag\\|>[\\n ]?(?:${calls}))?)$`,
      }[name] ?? `^(?:(?!<tool_call>)[^]|<tool_call>[\\n ]?(?:${calls})\\n?</tool_call>)*$`;
      assert.match(text, new RegExp(shape), `seed ${seed}`);
      const reader = new ToolCalls();
      const read = [];
      for (const piece of text.match(/[^]{1,3}/g) ?? []) read.push(...reader.push(piece).calls);
      read.push(...reader.finish().calls);
      for (const { function: called } of read) assert.ok(CALLS.some((each) => each.includes(`"${called.name}"`)));
      if (read.length > 0) found++;
      else free++;
    }
    assert.ok(found > 20 && (free > 0 || name === "a list at the end"), `${found} with calls, ${free} without`);
  });
}

test("calls are read in every form, and what is none is text", () => {
  const read = (text, size) => {
    const reader = new ToolCalls();
    const out = { text: "", calls: [] };
    for (const part of [...(text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? []).map((piece) => reader.push(piece)), reader.finish()]) {
      out.text += part.text;
      out.calls.push(...part.calls.map((call) => [call.function.name, call.function.arguments]));
    }
    return out;
  };
  const a = ["a", '{"x":1}'];
  const cases = [
    ['Let me see.\n<tool_call>\n{"name": "a", "arguments": {"x": 1}}\n</tool_call>', "Let me see.", [a]],
    ['<tool_call>{"name": "a", "arguments": {"x": 1}}</tool_call><tool_call>{"name": "a", "arguments": "{\\"x\\":1}"}</tool_call> Done.', " Done.", [a, a]],
    ['[TOOL_CALLS][{"name": "a", "arguments": {"x": 1}}, {"name": "b"}]', "", [a, ["b", "{}"]]],
    ['Well. [TOOL_CALLS] [{"name": "a", "arguments": {"x": 1}}]', "Well. ", [a]],
    ['{"name": "a", "parameters": {"x": 1}}', "", [a]],
    ['<|python_tag|>{"name": "a", "parameters": {"x": 1}}', "", [a]],
    ['{"name": "Ann", "age": 3}', '{"name": "Ann", "age": 3}', []],
    ['It is {"name": "a", "parameters": {}}', 'It is {"name": "a", "parameters": {}}', []],
    ["<tool_call>nothing</tool_call> of the kind", "<tool_call>nothing</tool_call> of the kind", []],
    ["a < b, [TOOL", "a < b, [TOOL", []],
    ['<tool_call>{"name": "a", "argum', '<tool_call>{"name": "a", "argum', []],
  ];
  const cut = (text) => {
    const reader = new ToolCalls();
    return [reader.push(text).text, reader.finish(true)];
  };
  assert.deepEqual(cut('Well. <tool_call>{"name": "a", "argum'), ["Well.", { text: "", calls: [] }]);
  assert.deepEqual(cut('{"name": "a", "param'), ["", { text: "", calls: [] }]);
  for (const [text, rest, calls] of cases) for (const size of [1, 4, 1000]) assert.deepEqual(read(text, size), { text: rest, calls }, text);
});
