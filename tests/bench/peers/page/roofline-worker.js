// One thread of roofline.js: runs one loop of roofline.wasm for a while and says its rate.

const MS = 300;
let exports;

/** Work per second, from repeated calls that each do `amount`. */
function rate(amount, call) {
  const start = performance.now();
  let done = 0;
  let now = start;
  while (now - start < MS) {
    call();
    done += amount;
    now = performance.now();
  }
  return (done * 1000) / (now - start);
}

onmessage = async ({ data }) => {
  try {
    if (data.prepare) {
      ({ exports } = (await WebAssembly.instantiateStreaming(fetch("/roofline.wasm"))).instance);
      exports.prepare(data.prepare);
      postMessage({});
    } else if (data.read) {
      postMessage({ rate: rate(data.read, () => exports.read(data.read)) });
    } else {
      const rounds = 100_000;
      postMessage({ rate: rate(rounds * 12 * 16, () => exports.dot(rounds, 5)) });
    }
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
