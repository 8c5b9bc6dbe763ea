// What the web platform tests ask of the tools of LanguageModel (language-model-tool-use).
import { LanguageModel, LanguageModelToolCall, LanguageModelToolError, LanguageModelToolSuccess } from "/nanolm/built-in-ai/index.js";
import { CALL, echo, RANDOM, setModel } from "./common.js";
import { is, ok, rejects, same, suite } from "./harness.js";

const create = async (options = {}) => {
  setModel(RANDOM);
  return LanguageModel.create(options);
};
const echoing = async (options = {}) => {
  setModel(echo);
  return LanguageModel.create(options);
};

const object = { type: "object", properties: {} };
const tool = (more) => ({ name: "lookup", description: "Looks it up.", inputSchema: object, execute: async () => "found", ...more });
const open = (more) => tool({ execute: undefined, description: 'Looks it up. Args: {"query": "lamp"}', ...more });
const made = (...tools) => create({ tools, expectedOutputs: [{ type: "tool-call" }] });
const circle = { ...object };
circle.circle = circle;
const REFUSED = {
  "an inputSchema of null": { inputSchema: null },
  "an inputSchema without a type": { inputSchema: {} },
  "an inputSchema that is a string": { inputSchema: "soup" },
  "properties without a type": { inputSchema: { properties: { a: { type: "string" } } } },
  "an inputSchema of a string": { inputSchema: { type: "string" } },
  "properties that are none": { inputSchema: { type: "object", properties: "soup" } },
  "required that is no list": { inputSchema: { type: "object", properties: {}, required: "soup" } },
  "no inputSchema": { inputSchema: undefined },
  "an empty name": { name: "" },
  "an empty description": { description: "" },
  "an inputSchema in a circle": { inputSchema: circle },
};
const tools = "language-model/language-model-tool-use";
for (const [name, more] of Object.entries(REFUSED)) suite("LanguageModel", tools, { [`a TypeError: ${name}`]: () => rejects(made(tool(more)), "TypeError") });
suite("LanguageModel", tools, {
  "a TypeError: two of a name": () => rejects(made(tool(), tool()), "TypeError"),
  "a TypeError: one of several that is wrong": () => rejects(made(tool(), tool({ name: "b", inputSchema: circle }), tool({ name: "c" })), "TypeError"),
  "what reading an inputSchema throws is the rejection": async () => {
    const mine = new Error("mine");
    const thrower = { get() { throw mine; } };
    await rejects(made(tool({ inputSchema: new Proxy({ type: "object" }, thrower) })), mine);
    await rejects(made(tool({ inputSchema: { ...object, toJSON: thrower.get } })), mine);
    await rejects(made(tool({ inputSchema: Object.defineProperty({ ...object }, "more", { ...thrower, enumerable: true }) })), mine);
  },
  "text in an inputSchema that looks like wrong JSON is text": async () => ok((await made(tool({ inputSchema: { type: "object", properties: { a: { type: "string", description: '{"a": 10,} // no' } } } }))) instanceof LanguageModel, "a LanguageModel"),
  "no tools": async () => {
    ok((await (await echoing({ tools: [] })).prompt("Hello")).includes("Hello"), "an answer");
    ok((await (await echoing({})).prompt("Hello")).includes("Hello"), "an answer");
  },
  "tools that the page runs, without tool-call among the expected outputs, are a TypeError": async () => {
    await rejects(create({ tools: [open()] }), "TypeError");
    await rejects(create({ tools: [open()], expectedOutputs: [{ type: "text" }] }), "TypeError");
  },
  "tools with tool-call among the expected outputs": async () => ok((await made(tool())) instanceof LanguageModel, "a LanguageModel"),
  "tool-call among the expected outputs without tools": async () => ok((await (await echoing({ expectedOutputs: [{ type: "tool-call" }] })).prompt("Hello")).includes("Hello"), "an answer"),
  "a clone has the tools": async () => ok((await (await made(tool())).clone()) instanceof LanguageModel, "a LanguageModel"),
});

// The open loop: the page is given the calls, and says what came of them.
const looped = (more) => echoing({ tools: [open()], expectedInputs: [{ type: "tool-call" }, { type: "tool-response" }], expectedOutputs: [{ type: "tool-call" }], ...more });
const assistant = (...content) => ({ role: "assistant", content });
const user = (...content) => ({ role: "user", content });
const call = (given) => ({ type: "tool-call", value: new LanguageModelToolCall({ callID: "1", name: "lookup", ...given }) });
const response = (...result) => ({ type: "tool-response", value: new LanguageModelToolSuccess({ callID: "1", name: "lookup", result }) });
const callsIn = (answer) => answer.filter(({ type }) => type === "tool-call").map(({ value }) => value);
suite("LanguageModel", tools, {
  "open: an answer with calls is an array of contents, the text first": async () => {
    const answer = await (await looped()).prompt(`${CALL}Which lamp?`);
    same(answer.map(({ type }) => type), ["text", "tool-call"]);
    is(answer[0].value, "Which lamp?");
    const [{ callID, name, arguments: given }] = callsIn(answer);
    same([typeof callID, name, given], ["string", "lookup", { query: "lamp" }]);
    ok(callsIn(answer)[0] instanceof LanguageModelToolCall, "a LanguageModelToolCall");
  },
  "open: several tools are called": async () => {
    const it = await looped({ tools: [open(), open({ name: "traffic" })] });
    same(callsIn(await it.prompt(`${CALL}x`)).map(({ name }) => name), ["lookup", "traffic"]);
  },
  "open: a tool without arguments": async () => {
    for (const inputSchema of [object, { type: "object" }]) {
      const it = await looped({ tools: [open({ inputSchema, description: "Says the time. Args: {}" })] });
      same(callsIn(await it.prompt(`${CALL}x`))[0].arguments, {});
    }
  },
  "open: a stream has the calls as contents": async () => {
    const chunks = [];
    for await (const chunk of (await looped()).promptStreaming(`${CALL}x`)) chunks.push(chunk);
    const calls = callsIn(chunks);
    same([calls.length, calls[0].name], [1, "lookup"]);
  },
  "open: what answers a call is heard": async () => {
    const it = await looped();
    const [{ callID }] = callsIn(await it.prompt(`${CALL}x`));
    const answer = await it.prompt([{ role: "user", content: [{ type: "tool-response", value: new LanguageModelToolSuccess({ callID, name: "lookup", result: [{ type: "text", value: "four lamps" }] }) }] }]);
    ok(answer.includes("four lamps"), "what the tool said");
  },
  "open: so is why a tool failed": async () => {
    const it = await looped();
    const value = new LanguageModelToolError({ callID: "1", name: "lookup", errorMessage: "no such lamp" });
    ok((await it.prompt([user({ type: "tool-response", value })])).includes("no such lamp"), "why");
  },
  "open: calls of the past are kept, with empty arguments where they had none": async () => {
    const given = { query: "x", filters: { cities: ["Paris", "Tokyo"], metric: true } };
    const it = await looped({ initialPrompts: [assistant(call({ arguments: given }), call({ arguments: {} }), call({ arguments: undefined }), call({}))] });
    const answer = await it.prompt("Continue");
    ok(answer.includes(JSON.stringify(given)) && answer.split("lookup {}").length === 4, answer);
  },
  "open: append() says calls and answers": async () => {
    const it = await looped();
    await it.append([assistant(call({ arguments: { query: "first" } })), user(response({ type: "text", value: "the result" }))]);
    const answer = await it.prompt("Continue");
    ok(answer.includes('{"query":"first"}') && answer.includes("the result"), answer);
  },
  "open: arguments that are no dictionary, or no JSON, are a DataError": async () => {
    const it = await looped();
    const circle = {};
    circle.self = circle;
    for (const given of [[], circle]) await rejects(it.prompt([assistant(call({ arguments: given }))]), "DataError");
  },
  "open: calls of the user's, and answers of the assistant's, are a TypeError": async () => {
    const it = await looped();
    await rejects(it.prompt([user(call({}))]), "TypeError");
    await rejects(it.prompt([assistant(response({ type: "text", value: "x" }))]), "TypeError");
  },
  "open: calls that were not among the expected inputs are a NotSupportedError": async () => rejects((await looped({ expectedInputs: [] })).prompt([assistant(call({}))]), "NotSupportedError"),
  "open: results that are no JSON are a DataError": async () => {
    const it = await looped();
    const circle = {};
    circle.self = circle;
    for (const value of [circle, () => {}, 12345678901234567890n]) await rejects(it.prompt([user(response({ type: "text", value }))]), "DataError");
  },
  "open: results that are JSON are taken": async () => {
    const values = ["a text", { nested: "object", data: 123 }, [1, 2, 3, "array"]];
    is(typeof (await (await looped()).prompt([user(response(...values.map((value) => ({ type: "text", value }))))])), "string");
  },
  "open: a thing of the page as an object is a DataError": async () => {
    const value = await createImageBitmap(new ImageData(4, 4));
    await rejects((await looped()).prompt([user(response({ type: "object", value }))]), "DataError");
  },
  "open: images and sounds are a NotSupportedError": async () => {
    const it = await looped();
    for (const type of ["image", "audio"]) await rejects(it.prompt([user(response({ type: "text", value: "x" }, { type, value: {} }))]), "NotSupportedError");
  },
  "open: a clone has the tools": async () => {
    const clone = await (await looped()).clone();
    ok(clone instanceof LanguageModel, "a LanguageModel");
    same(callsIn(await clone.prompt(`${CALL}x`)).map(({ name }) => name), ["lookup"]);
  },
});
