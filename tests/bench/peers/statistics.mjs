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

const LISTS = ["rows", "roofs", "long"];

/**
 * New rows, roofs and long runs in place of the old ones of the same shape, threads, type and engine; everything else stays. What a failed run
 * says replaces an old result too: it must be seen.
 */
export function merge(old, found) {
  const joined = (name) => {
    const all = [...(old?.[name] ?? []), ...(found[name] ?? [])];
    return [...new Map(all.map((row) => [rowKey(row), row])).values()];
  };
  return { ...old, ...found, versions: { ...old?.versions, ...found.versions }, ...Object.fromEntries(LISTS.map((name) => [name, joined(name)])) };
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

/** Our fastest engine's part of the roofline, from 0 to 1; undefined where one of the two is not there. */
export function partOfRoof(rows, roofs, engines, { shape, threads, type }, figure) {
  const here = (row) => row.shape === shape && row.threads === threads && row.type === type;
  const ours = rows.filter((row) => here(row) && engines[row.engine]?.ours && row[figure]).map((row) => row[figure].median);
  const roof = roofs.find(here)?.[figure];
  return ours.length > 0 && roof ? Math.max(...ours) / roof : undefined;
}

/** How many times as fast our fastest engine is with `threads` threads as with one. */
export function threadGain(rows, engines, { shape, type, threads }, figure) {
  const best = (count) =>
    Math.max(...rows.filter((row) => row.shape === shape && row.type === type && row.threads === count && engines[row.engine]?.ours && row[figure]).map((row) => row[figure].median));
  const gain = best(threads) / best(1);
  return Number.isFinite(gain) && gain > 0 ? gain : undefined;
}
