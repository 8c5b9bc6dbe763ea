// A server that speaks the API of OpenAI, does what a test says, and keeps everything that it was sent.
import { createServer } from "node:http";

/** What every server here has to say. */
export const STORY = "The keeper lights the lamp at dusk, and the ships out on the dark water find their way home before the storm arrives.";

/** Waits for what another process does in its own time. */
export async function until(come, what) {
  for (const end = Date.now() + 30_000; !come(); await new Promise((resolve) => setTimeout(resolve, 10))) {
    if (Date.now() > end) throw new Error(`not within 30 s: ${what}`);
  }
}

/** A text in pieces as models write them. */
export const piecesOf = (text) => text.match(/ ?[^ ]{1,4}/g) ?? [];

/**
 * Starts one on a port, and so on an origin, of its own. `behave(request, number)` says what a request gets:
 *
 * - `text`: what it says, `STORY` by default; `continues`: it goes on from an assistant's last message
 * - `status`, `headers`, `message`: an error
 * - `silent`: it takes the request and never answers
 * - `cut`: the connection ends after so many pieces, when the page has read them (`remote.read`); `stall`: nothing more comes after
 *   them; `error`: an error as an event after them
 * - `redirect`: to another address
 */
export async function startRemote(behave = () => ({}), { key } = {}) {
  const requests = [];
  const remote = { behave };
  /** How many bytes of a stream the page has read, by the stream's number since the server began. */
  const bytesRead = new Map();
  let streams = 0;
  const server = createServer(async (request, response) => {
    const cors = { "access-control-allow-origin": "*", "access-control-allow-headers": "*, authorization", "access-control-expose-headers": "retry-after" };
    const entry = { method: request.method, path: request.url, authorization: request.headers.authorization, headers: request.headers, body: undefined, bytes: 0, closed: false };
    requests.push(entry);
    response.on("close", () => (entry.closed = !response.writableFinished));
    if (request.method === "OPTIONS") return void response.writeHead(204, cors).end();
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const raw = Buffer.concat(chunks);
    entry.bytes = raw.length;
    entry.body = JSON.parse(raw.toString());
    const number = requests.filter(({ method }) => method === "POST").length;
    const told = key !== undefined && entry.authorization !== `Bearer ${key}` ? { status: 401, message: "Incorrect API key provided" } : remote.behave(entry.body, number);
    if (told.silent) return;
    if (told.redirect) return void response.writeHead(307, { ...cors, location: told.redirect }).end();
    if (told.status) {
      response.writeHead(told.status, { ...cors, ...told.headers, "content-type": "application/json" });
      return void response.end(JSON.stringify({ error: { message: told.message ?? "it failed", type: "server_error", param: null, code: null } }));
    }
    const { body } = entry;
    if (request.url.endsWith("/embeddings")) {
      return void response.writeHead(200, { ...cors, "content-type": "application/json" }).end(JSON.stringify({ object: "list", model: body.model, data: [{ object: "embedding", index: 0, embedding: [1, 0, 0] }], usage: { prompt_tokens: 2, total_tokens: 2 } }));
    }
    const last = body.messages?.at(-1);
    const whole = typeof told.text === "function" ? told.text(body) : (told.text ?? STORY);
    const text = told.continues && last?.role === "assistant" ? whole.slice(last.content.length) : whole;
    const head = { id: `chatcmpl-${number}`, created: number, model: body.model };
    const usage = { prompt_tokens: 10, completion_tokens: piecesOf(text).length, total_tokens: 10 + piecesOf(text).length };
    if (!body.stream) {
      const answer = request.url.endsWith("/responses")
        ? { id: `resp_${number}`, object: "response", status: "completed", model: body.model, output: [{ id: "m", type: "message", role: "assistant", status: "completed", content: [{ type: "output_text", text, annotations: [] }] }], usage: { input_tokens: 10, output_tokens: 5, total_tokens: 15 } }
        : { ...head, object: "chat.completion", choices: [{ index: 0, message: { role: "assistant", content: text, refusal: null }, logprobs: null, finish_reason: "stop" }], usage };
      return void response.writeHead(200, { ...cors, "content-type": "application/json" }).end(JSON.stringify(answer));
    }
    const stream = ++streams;
    response.writeHead(200, { ...cors, "access-control-expose-headers": "retry-after, x-stream", "content-type": "text/event-stream", "x-stream": stream });
    let sent = 0;
    const send = (choices, more) => {
      const event = `data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices, ...more })}\r\n\r\n`;
      sent += Buffer.byteLength(event);
      response.write(event);
    };
    send([{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }]);
    for (const [i, piece] of piecesOf(text).entries()) {
      if (told.cut === i) {
        // A connection that breaks takes with it what the page has not read.
        await until(() => response.destroyed || bytesRead.get(stream) === sent, `the page reads ${sent} bytes; it has read ${bytesRead.get(stream)}`);
        return void response.destroy();
      }
      if (told.stall === i) return;
      if (told.error === i) return void response.end(`data: ${JSON.stringify({ error: { message: "overloaded" } })}\n\n`);
      if (response.destroyed) return;
      send([{ index: 0, delta: { content: piece }, finish_reason: null }]);
    }
    send([{ index: 0, delta: {}, finish_reason: "stop" }]);
    if (body.stream_options?.include_usage) send([], { usage });
    response.end("data: [DONE]\n\n");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.defineProperties(remote, Object.getOwnPropertyDescriptors({
    origin: `http://127.0.0.1:${server.address().port}`,
    baseURL: `http://127.0.0.1:${server.address().port}/v1`,
    /** Everything that came, `OPTIONS` too. */
    requests,
    /** The bodies that were sent. */
    get bodies() {
      return requests.filter(({ body }) => body !== undefined).map(({ body }) => body);
    },
    /** The page has read so many bytes of a stream, whose number is its header `x-stream`. */
    read: (stream, bytes) => void bytesRead.set(stream, bytes),
    reset(next = () => ({})) {
      requests.length = 0;
      remote.behave = next;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  }));
}
