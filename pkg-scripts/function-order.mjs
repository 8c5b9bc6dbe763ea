// node pkg-scripts/function-order.mjs <in.wasm> <out.wasm>: names every function of a module by its place in an order in which those that
// are alike are near each other. `wasm-opt --reorder-functions-by-name` then puts them so.
//
// A compressor finds again what it has seen in the last 32 KB (gzip). The same kernel for another type, the same code around another
// option lie hundreds of KB apart as the linker leaves them: in this order a browser downloads 6 % less, and runs the same functions.
import { readFileSync, writeFileSync } from "node:fs";
import { functions, section, sections, written } from "./wasm.mjs";

/** Functions share what occurs in both of them, strings of so many bytes. */
const LENGTH = 6;
/** Not what occurs everywhere. */
const MOST = 40;
/** What a compressor still sees, in bytes: a little less than gzip's window. */
const WINDOW = 28_000;

/** The numbers of the strings in each body that occur in others, too, and for each string the bodies that have it. */
function strings(bodies) {
  const [numbers, owners] = [new Map(), []];
  const all = bodies.map((body, at) => {
    const own = new Set();
    for (let from = 0; from + LENGTH <= body.length; from++) {
      const [low, high] = [body.readUIntLE(from, 3), body.readUIntLE(from + 3, 3)];
      const key = high * 2 ** 24 + low;
      let string = numbers.get(key);
      if (string === undefined) {
        string = owners.length;
        numbers.set(key, string);
        owners.push([]);
      }
      if (!own.has(string)) owners[string].push(at);
      own.add(string);
    }
    return own;
  });
  return { owners, shared: all.map((own) => [...own].filter((string) => owners[string].length > 1 && owners[string].length <= MOST)) };
}

/**
 * The bodies' places in the order: next is always the one that shares most with those just before it, for its length. Strings that few
 * have count more: they will not come again.
 */
export function order(bodies) {
  const { owners, shared } = strings(bodies);
  const worth = owners.map((owners) => owners.length ** -0.5);
  const cost = bodies.map((body) => Math.max(30, body.length) ** 0.7);
  const [seen, gain] = [new Uint32Array(owners.length), new Float64Array(bodies.length)];
  const count = (string, sign) => {
    for (const body of owners[string]) gain[body] += sign * worth[string];
  };
  const [left, placed] = [new Set(bodies.keys()), []];
  let [first, inside] = [0, 0];
  while (left.size > 0) {
    let [best, most] = [-1, 1e-9];
    for (const body of left) {
      if (gain[body] / cost[body] > most) [best, most] = [body, gain[body] / cost[body]];
    }
    // Where nothing is shared any more, the longest begins anew.
    if (best < 0) best = [...left].reduce((a, b) => (bodies[b].length > bodies[a].length ? b : a));
    left.delete(best);
    placed.push(best);
    for (const string of shared[best]) if (seen[string]++ === 0) count(string, 1);
    for (inside += bodies[best].length; inside > WINDOW && first < placed.length - 1; first++) {
      inside -= bodies[placed[first]].length;
      for (const string of shared[placed[first]]) if (--seen[string] === 0) count(string, -1);
    }
  }
  return placed;
}

/** The module with no names but those of its functions, which say their places in the order. */
export function named(bytes) {
  const { imported, functions: own } = functions(bytes);
  const places = order(own.map(({ body }) => body));
  const names = new Map(places.map((body, place) => [imported + body, `f${String(place).padStart(6, "0")}`]));
  const text = (text) => [written(text.length), Buffer.from(text)];
  const map = [...Array(imported + own.length).keys()].flatMap((at) => [written(at), ...text(names.get(at) ?? `import${at}`)]);
  const kept = [...sections(bytes)].filter(({ name }) => name !== "name").map(({ from, end }) => bytes.subarray(from, end));
  // 1: the names of functions
  return Buffer.concat([bytes.subarray(0, 8), ...kept, section(0, ...text("name"), section(1, written(imported + own.length), ...map))]);
}

if (process.argv[1] === import.meta.filename) writeFileSync(process.argv[3], named(readFileSync(process.argv[2])));
