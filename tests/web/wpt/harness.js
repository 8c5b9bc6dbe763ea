// A harness for tests of the platform's built-in AI APIs: what the web platform tests (https://github.com/web-platform-tests/wpt, folder ai/)
// ask for, in words and code of our own. Each test names the file there that asks for the same, without its ending.

/** Every test, in order: `{ api, file, name, run }`. */
export const tests = [];

/** `cases`: by what is asked for, a function that throws, or rejects, where it is not so. */
export function suite(api, file, cases) {
  for (const [name, run] of Object.entries(cases)) tests.push({ api, file, name, run });
}

/** Thrown where a test does not apply here, such as one of images. */
export class DoesNotApply extends Error {}

export const doesNotApply = (why) => {
  throw new DoesNotApply(why);
};

const shown = (value) => {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  return typeof value === "string" ? JSON.stringify(value) : String(JSON.stringify(value) ?? value);
};

export function is(found, expected, what = "value") {
  if (!Object.is(found, expected)) throw new Error(`${what}: expected ${shown(expected)}, found ${shown(found)}`);
}

export function same(found, expected, what) {
  is(JSON.stringify(found), JSON.stringify(expected), what);
}

export function ok(condition, what) {
  if (!condition) throw new Error(`expected ${what}`);
}

export function oneOf(found, expected, what = "value") {
  if (!expected.includes(found)) throw new Error(`${what}: expected one of ${expected.join(", ")}, found ${shown(found)}`);
}

/** An error is what was expected: a name of a `DOMException` or of an error of JavaScript, or the very thing. `realm` has the classes. */
function isError(error, expected, realm) {
  if (typeof expected !== "string") return is(error, expected, "the error");
  is(error?.name, expected, `the error's name (${shown(error)})`);
  const Class = realm[expected] ?? realm.DOMException;
  ok(error instanceof Class, `an error of the class ${Class.name}`);
}

export async function rejects(promise, expected, realm = globalThis) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    return isError(error, expected, realm);
  }
  throw new Error(`expected ${shown(expected)}, found ${shown(value)}`);
}

export function throws(work, expected, realm = globalThis) {
  let value;
  try {
    value = work();
  } catch (error) {
    return isError(error, expected, realm);
  }
  throw new Error(`expected ${shown(expected)}, found ${shown(value)}`);
}

const LIMIT_MS = 25_000;

/** Runs every test of an API, one after the other. */
export async function run(api) {
  const results = [];
  for (const test of tests.filter((test) => test.api === api)) {
    const { file, name } = test;
    const begun = performance.now();
    let timer;
    const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`took more than ${LIMIT_MS / 1000} s`)), LIMIT_MS)));
    try {
      await Promise.race([test.run(), late]);
      results.push({ file, name, status: "pass" });
    } catch (error) {
      results.push({ file, name, status: error instanceof DoesNotApply ? "does not apply" : "fail", message: shown(error) });
    } finally {
      clearTimeout(timer);
      results.at(-1).ms = Math.round(performance.now() - begun);
    }
  }
  return results;
}
