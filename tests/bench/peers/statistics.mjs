// Medians, the merging of partial runs, and what is said of them.

/** `{ median, least, most, n }`, rounded to what a measurement can tell. */
export function summary(values) {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median: rounded(median), least: rounded(sorted[0]), most: rounded(sorted.at(-1)), n: sorted.length };
}

/** Four digits. */
export function rounded(value) {
  return Number(value.toPrecision(4));
}

export const rowKey = ({ shape, threads, type, engine }) => [shape, threads, type, engine].join("/");

/**
 * New rows and roofs in place of the old ones of the same shape, threads, type and engine; everything else stays. What a failed run
 * says replaces an old result too: it must be seen.
 */
export function merge(old, found) {
  const rows = new Map((old?.rows ?? []).map((row) => [rowKey(row), row]));
  for (const row of found.rows) rows.set(rowKey(row), row);
  const roofs = new Map((old?.roofs ?? []).map((roof) => [rowKey(roof), roof]));
  for (const roof of found.roofs) roofs.set(rowKey(roof), roof);
  return { ...old, ...found, versions: { ...old?.versions, ...found.versions }, rows: [...rows.values()], roofs: [...roofs.values()] };
}

/** The tokens of a text in the benchmark's vocabulary. */
export const tokensOf = (text) => text.match(/[A-Z][a-z]{3}|[^]/g) ?? [];

/** How many first tokens two texts share. */
export function agreement(a, b) {
  const [left, right] = [tokensOf(a), tokensOf(b)];
  let n = 0;
  while (n < left.length && n < right.length && left[n] === right[n]) n += 1;
  return n;
}

/** Figures whose larger value is the better one, tokens per second, against milliseconds. */
export const RATES = ["decode", "prefill128", "prefill512"];

/**
 * The best of ours against the best peer of the same shape and threads, at this type and at any type: for each rate
 * `{ ours, peer, ratio, anyPeer, anyRatio }`. Undefined where one side has no figure. The native engine is no peer.
 */
export function comparison(rows, engines, { shape, threads, type }, figure) {
  const here = rows.filter((row) => row.shape === shape && row.threads === threads && row[figure]);
  const best = (some) => some.toSorted((a, b) => b[figure].median - a[figure].median)[0];
  const isPeer = (row) => engines[row.engine] && !engines[row.engine].ours && !engines[row.engine].native;
  const ours = best(here.filter((row) => row.type === type && engines[row.engine]?.ours));
  const peer = best(here.filter((row) => row.type === type && isPeer(row)));
  const anyPeer = best(here.filter(isPeer));
  if (!ours || !anyPeer) return undefined;
  const ratio = (other) => other && rounded(ours[figure].median / other[figure].median);
  return { ours: ours.engine, peer: peer?.engine, ratio: ratio(peer), anyPeer: anyPeer.engine, anyType: anyPeer.type, anyRatio: ratio(anyPeer) };
}

/** With `agrees`: how many of the first tokens are those of our first engine with the same shape and type that wrote any. */
export function withAgreement(rows, engines) {
  const text = (row) => row.wrote.replaceAll(" ", "");
  return rows.map(({ agrees, ...row }) => {
    const reference = rows.find((other) => other.shape === row.shape && other.type === row.type && engines[other.engine]?.ours && other.wrote);
    return row.wrote && reference ? { ...row, agrees: agreement(text(row), text(reference)) } : row;
  });
}
