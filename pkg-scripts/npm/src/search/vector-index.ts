// An exact index over vectors: every search compares the query with all of them, in SIMD.

import { optionError, unknownOption } from "../errors.js";
import { Best } from "./best.js";
import { ENCODINGS, unit, type VectorLike, type VectorType } from "./encode.js";
import { invalid, pack, unpack } from "./format.js";
import { Rows, SLICE } from "./kernel.js";
import { keep, read } from "./kept.js";

/** What a vector is known by. */
export type VectorId = string | number;

export interface VectorIndexOptions {
  /** How many numbers each vector has, at most 65,536. */
  dimensions: number;
  /**
   * What is kept of each number: `float32` all of it; `int8` (the default) a fourth of the memory, and nearly the same order; `binary` its
   * sign alone.
   */
  type?: VectorType | undefined;
  /**
   * With `binary`: for each result that is asked for, so many candidates are compared again, by numbers of 8 bits that are kept besides.
   * By default 20. With 0 the bits alone are kept, and scores are estimates.
   */
  rescore?: number | undefined;
}

export interface SearchOptions {
  /** How many results at most, by default 10. */
  k?: number | undefined;
  /** Which ids may be results. It is asked about those alone that would be. */
  filter?: ((id: VectorId) => boolean) | undefined;
}

/** A vector that was found. */
export interface Match {
  id: VectorId;
  /** The cosine of the query and the vector, -1 to 1; of an id with several vectors, the greatest. 0 where one of the two is all zero. */
  score: number;
}

const MOST_DIMENSIONS = 65_536;
const TYPES = Object.keys(ENCODINGS) as VectorType[];

interface Description {
  dimensions: unknown;
  type: unknown;
  rescore: unknown;
  /** Of each row. */
  ids: unknown;
}

/** Vectors of one type, their scales, and the search over them. */
class Column {
  readonly encoding;
  readonly rows: Rows;
  scales: number[] = [];

  constructor(
    type: VectorType,
    dimensions: number,
  ) {
    this.encoding = ENCODINGS[type];
    this.rows = new Rows(this.encoding.kernel, this.encoding.row(dimensions), this.encoding.query(dimensions));
  }

  push(vector: Float64Array): void {
    const { bytes, scale } = this.encoding.encode(vector);
    this.rows.push(bytes);
    // As it is saved.
    this.scales.push(Math.fround(scale));
  }

  remove(row: number): void {
    const last = this.scales.pop() as number;
    if (row < this.scales.length) this.scales[row] = last;
    this.rows.remove(row);
  }

  /** Offers all rows, or some. */
  search(query: Float64Array, offer: (score: number, row: number) => number, some?: readonly number[]): void {
    const { encoding, rows, scales } = this;
    const { bytes, scale } = encoding.ask(query);
    rows.ask(bytes);
    let least = -Infinity;
    const take = (raw: number, row: number): void => {
      const score = encoding.score(raw, (scales[row] as number) * scale);
      if (score > least) least = offer(score, row);
    };
    for (const row of some ?? []) take(rows.scores(row, 1)[0] as number, row);
    if (some !== undefined) return;
    for (let from = 0; from < rows.count; from += SLICE) {
      const raw = rows.scores(from, Math.min(SLICE, rows.count - from));
      for (let i = 0; i < raw.length; i++) take(raw[i] as number, from + i);
    }
  }
}

/** Vectors by their ids, and the nearest of them. Everything happens at once, in the thread that calls. */
export class VectorIndex {
  /** How many numbers each vector has. */
  readonly dimensions: number;
  readonly type: VectorType;
  readonly #rescore: number;
  /** What is searched. */
  readonly #column: Column;
  /** What is kept besides, to compare candidates by. */
  readonly #finer: Column | undefined;
  /** The id of each row, and the rows of each id. */
  readonly #ids: VectorId[] = [];
  readonly #rowsOf = new Map<VectorId, number[]>();

  constructor(options: VectorIndexOptions) {
    if (typeof options !== "object" || options === null) throw optionError("options", "an object", options);
    const { dimensions, type = "int8", rescore, ...unknown } = options;
    for (const name of Object.keys(unknown)) throw unknownOption(name, ["dimensions", "type", "rescore"]);
    if (!isCount(dimensions, 1, MOST_DIMENSIONS)) throw optionError("dimensions", `a whole number from 1 to ${MOST_DIMENSIONS}`, dimensions);
    if (!TYPES.includes(type)) throw optionError("type", TYPES.map((each) => `"${each}"`).join(" or "), type);
    if (rescore !== undefined && type !== "binary") throw optionError("rescore", 'nothing with a type other than "binary"', rescore);
    if (rescore !== undefined && !isCount(rescore, 0, 1000)) throw optionError("rescore", "a whole number from 0 to 1000", rescore);
    this.dimensions = dimensions;
    this.type = type;
    this.#rescore = type === "binary" ? (rescore ?? 20) : 0;
    this.#column = new Column(type, dimensions);
    if (this.#rescore > 0) this.#finer = new Column("int8", dimensions);
  }

  /** How many ids there are. */
  get size(): number {
    return this.#rowsOf.size;
  }

  /** All ids, in the order in which they were added. */
  get ids(): IterableIterator<VectorId> {
    return this.#rowsOf.keys();
  }

  has(id: VectorId): boolean {
    return this.#rowsOf.has(id);
  }

  /**
   * Adds a vector, or several that stand for one thing, such as the passages of a text: it is found by the nearest of them. What the id
   * had before is replaced. Vectors are brought to length 1.
   */
  add(id: VectorId, vectors: VectorLike | readonly VectorLike[]): void {
    checkId(id);
    const several = Array.isArray(vectors) && typeof vectors[0] === "object";
    const list = several ? (vectors as readonly VectorLike[]) : [vectors as VectorLike];
    const units = list.map((vector, i) => unit(several ? `vectors[${i}]` : "vectors", vector, this.dimensions));
    // Everything that can fail comes first.
    for (const column of this.#columns) column.rows.reserve(units.length);
    this.remove(id);
    for (const vector of units) {
      for (const column of this.#columns) column.push(vector);
      this.#own(id);
    }
  }

  /** Removes an id with its vectors. Returns whether it was there. */
  remove(id: VectorId): boolean {
    const rows = this.#rowsOf.get(id);
    if (rows === undefined) return false;
    this.#rowsOf.delete(id);
    // From the last on: the row that moves into a gap is then never one that goes, too.
    for (const row of [...rows].sort((a, b) => b - a)) {
      for (const column of this.#columns) column.remove(row);
      const last = this.#ids.length - 1;
      const moved = this.#ids.pop() as VectorId;
      if (row === last) continue;
      this.#ids[row] = moved;
      const of = this.#rowsOf.get(moved) as number[];
      of[of.indexOf(last)] = row;
    }
    return true;
  }

  /** The nearest to a vector, the best first. */
  search(vector: VectorLike, options: SearchOptions = {}): Match[] {
    if (typeof options !== "object" || options === null) throw optionError("options", "an object", options);
    const { k = 10, filter, ...unknown } = options;
    for (const name of Object.keys(unknown)) throw unknownOption(name, ["k", "filter"]);
    if (!isCount(k, 1, Number.MAX_SAFE_INTEGER)) throw optionError("k", "a whole number of at least 1", k);
    if (filter !== undefined && typeof filter !== "function") throw optionError("filter", "a function", filter);
    const query = unit("vector", vector, this.dimensions);
    const finer = this.#finer;
    const first = this.#best(this.#column, query, finer === undefined ? k : k * this.#rescore, filter);
    const best = finer === undefined ? first : this.#best(finer, query, k, undefined, first.keys.flatMap((id) => this.#rowsOf.get(id) as number[]));
    const { encoding } = finer ?? this.#column;
    return best.keys.map((id, i) => ({ id, score: encoding.cosine(best.scores[i] as number, this.dimensions) }));
  }

  #best(column: Column, query: Float64Array, most: number, filter: SearchOptions["filter"], rows?: readonly number[]): Best<VectorId> {
    const ids = this.#ids;
    const best = new Best<VectorId>(most, ids.length === this.size);
    const offer = (score: number, row: number): number => {
      const id = ids[row] as VectorId;
      if (filter === undefined || filter(id)) best.offer(score, id);
      return best.least;
    };
    column.search(query, offer, rows);
    return best;
  }

  /** All of it as bytes, for `VectorIndex.load`. */
  save(): Uint8Array {
    const { dimensions, type } = this;
    const parts = this.#columns.flatMap(({ rows, scales }) => {
      const bytes = new Uint8Array(rows.count * rows.length);
      for (let row = 0; row < rows.count; row++) bytes.set(rows.row(row), row * rows.length);
      return [bytes, new Uint8Array(Float32Array.from(scales).buffer)];
    });
    return pack("vectors", { dimensions, type, rescore: this.#rescore, ids: this.#ids }, parts);
  }

  /** @throws NanolmError with `index/invalid`: bytes that are no saved index, or are damaged. */
  static load(bytes: Uint8Array): VectorIndex {
    const { description, parts } = unpack<Description>("vectors", bytes);
    const { ids, dimensions, type, rescore } = description;
    let index: VectorIndex;
    try {
      const options = { dimensions, type, ...(type === "binary" ? { rescore } : {}) };
      index = new VectorIndex(options as VectorIndexOptions);
    } catch (error) {
      throw invalid("description", "the options of an index", (error as Error).message);
    }
    if (!Array.isArray(ids)) throw invalid("ids", "a list", typeof ids);
    const columns = index.#columns;
    if (parts.length !== 2 * columns.length) throw invalid("lengths", `${2 * columns.length} parts`, `${parts.length}`);
    columns.forEach(({ rows, scales }, i) => {
      const [values, factors] = parts.slice(2 * i) as [Uint8Array, Uint8Array];
      const expected = [ids.length * rows.length, ids.length * 4];
      if (values.length !== expected[0] || factors.length !== expected[1]) {
        throw invalid(`parts ${2 * i} and ${2 * i + 1}`, `${expected.join(" and ")} bytes for ${ids.length} vectors`, `${values.length} and ${factors.length}`);
      }
      rows.reserve(ids.length);
      for (let row = 0; row < ids.length; row++) rows.push(values.subarray(row * rows.length, (row + 1) * rows.length));
      // Of vectors of length 1. Numbers that are none would hide their rows from every search.
      const viewed = ({ buffer, byteOffset, length }: Uint8Array): DataView => new DataView(buffer, byteOffset, length);
      const [scaled, given] = [viewed(factors), viewed(values)];
      const number = (of: DataView, at: number, what: string): number => {
        const found = of.getFloat32(4 * at, true);
        if (!(Math.abs(found) < 1.001)) throw invalid(`${what}[${at}]`, "a number of -1 to 1", `${found}`);
        return found;
      };
      for (let row = 0; row < ids.length; row++) scales.push(number(scaled, row, "scales"));
      if (type === "float32") for (let at = 0; at < ids.length * index.dimensions; at++) number(given, at, "values");
    });
    ids.forEach((id: unknown, i) => {
      if (!isId(id)) throw invalid(`ids[${i}]`, "a string or a finite number", JSON.stringify(id));
      index.#own(id);
    });
    return index;
  }

  /**
   * Keeps it on the device under a name, in place of what was kept under it: in the origin private file system, where that is missing in Cache Storage, in
   * Node in a folder. Rejects where nothing can be kept.
   */
  async keep(name: string): Promise<void> {
    await keep(name, this.save());
  }

  /** What is kept under a name; undefined where nothing is. */
  static async open(name: string): Promise<VectorIndex | undefined> {
    const bytes = await read(name);
    return bytes && VectorIndex.load(bytes);
  }

  get #columns(): Column[] {
    return this.#finer === undefined ? [this.#column] : [this.#column, this.#finer];
  }

  /** The next row belongs to an id. */
  #own(id: VectorId): void {
    const rows = this.#rowsOf.get(id);
    if (rows === undefined) this.#rowsOf.set(id, [this.#ids.length]);
    else rows.push(this.#ids.length);
    this.#ids.push(id);
  }
}

export const isCount = (value: unknown, least: number, most: number): boolean =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= most;

export const isId = (id: unknown): id is VectorId => typeof id === "string" || Number.isFinite(id);

export function checkId(id: VectorId): void {
  if (!isId(id)) throw optionError("id", "a string or a finite number", id);
}
