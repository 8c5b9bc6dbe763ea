// The machine's limits, taken in the same run: how fast wasm reads as many bytes as a token's weights are, and how many int8
// multiply-adds the relaxed dot instruction does in registers. With n threads, n workers at the same time; their rates add up.

/** Loaded like an engine; measured by `globalThis.bench.roof` instead of writing tokens. */
export async function load({ bytes, threads }) {
  // Each worker its part, and whole steps of the loop.
  const part = Math.ceil(bytes / threads / 128) * 128;
  const workers = Array.from({ length: threads }, () => new Worker("/roofline-worker.js", { type: "module" }));
  const ask = (message) =>
    Promise.all(
      workers.map(
        (worker) =>
          new Promise((resolve, reject) => {
            worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data));
            worker.onerror = ({ message }) => reject(new Error(`roofline worker: ${message}`));
            worker.postMessage(message);
          }),
      ),
    );
  await ask({ prepare: part });
  const sum = (answers, name) => answers.reduce((total, answer) => total + answer[name], 0);
  globalThis.bench.roof = async () => ({
    readGBs: sum(await ask({ read: part }), "rate") / 1e9,
    dotGMACs: sum(await ask({ dot: true }), "rate") / 1e9,
  });
  await globalThis.bench.roof();
  return { dispose: () => workers.forEach((worker) => worker.terminate()) };
}
