// Texts by what they say: cut into passages, made vectors by a model, found by a query.

import { NanolmError, optionError, saying, unknownOption } from "../errors.js";
import type { CallOptions, EmbedOptions, Vector } from "../index.js";
import type { Place } from "../model/places.js";
import { checkCallOptions, checkOptions, checkText } from "../model/options.js";
import { report } from "../model/job.js";
import type { VectorType } from "./encode.js";
import { invalid, pack, unpack } from "./format.js";
import { keep, read } from "./kept.js";
import { passagesOf } from "./passages.js";
import { checkId, isCount, isId, type VectorId, VectorIndex } from "./vector-index.js";

/** What makes texts vectors: a `Model`, or something of the same form. */
export interface Embedder {
  readonly info: { readonly name: string };
  embed(texts: readonly string[], options?: EmbedOptions): Promise<Vector[]>;
}

export interface TextIndexOptions {
  /** What is kept of each vector, by default `int8`: see `VectorIndexOptions`. */
  type?: VectorType | undefined;
  rescore?: number | undefined;
  /** How long passages are at most, in UTF-16 code units, 50 to 100,000. By default 800: some 180 tokens of English. */
  passage?: number | undefined;
  /** As for `embed`: for encoders that want more than their files say. */
  pooling?: EmbedOptions["pooling"];
  dimensions?: number | undefined;
  /** Put before each passage, as some models want it: `"passage: "`. */
  prefix?: string | undefined;
  /** Put before each query: `"query: "`. */
  queryPrefix?: string | undefined;
}

export interface TextDocument {
  id: VectorId;
  text: string;
  /** What comes back with each result: anything that JSON can say. */
  metadata?: unknown;
}

/** What a filter is asked about. */
export interface Entry {
  id: VectorId;
  metadata: unknown;
}

export interface TextSearchOptions {
  /** How many passages at most, by default 10. */
  k?: number | undefined;
  /** Which documents may be found. */
  filter?: ((entry: Entry) => boolean) | undefined;
  /** Rejects the call with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** A passage that was found: `text` is that of its document from `start` to `end`. */
export interface FoundText extends Entry, Place {
  text: string;
  score: number;
}

interface Kept extends Entry {
  text: string;
  passages: Passage[];
}

interface Passage extends Place {
  /** Its id among the vectors. */
  number: number;
}

interface Description {
  model: string;
  probes: number[][];
  options: TextIndexOptions;
  passages: [number, number, number][][];
}

const PASSAGE = 800;
/** Passages that are made vectors in one call: progress is told, and what is done is kept, behind each. */
const TOGETHER = 32;
const NAMES = ["type", "rescore", "passage", "pooling", "dimensions", "prefix", "queryPrefix"];

/** Their vectors say which model has made an index: no name does, and no hash of a file that is one of several with the same weights. */
const PROBES = ["The library opens at nine on weekdays.", "Heat the oil, then add the onions and stir.", "The committee put off its vote until spring."];
/** The cosine that a model's vectors have with those of the same one in other blocks (Q8_0: 0.9989); of two models, it is near 0. */
const SAME = 0.99;

export class TextIndex {
  readonly #model: Embedder;
  readonly #options: TextIndexOptions;
  readonly #probes: Vector[];
  readonly #vectors: VectorIndex;
  readonly #documents = new Map<VectorId, Kept>();
  /** By the number of a passage. */
  readonly #owners = new Map<number, { document: Kept; passage: Passage }>();
  #next = 0;

  private constructor(model: Embedder, options: TextIndexOptions, probes: Vector[], vectors: VectorIndex) {
    this.#model = model;
    this.#options = options;
    this.#probes = probes;
    this.#vectors = vectors;
  }

  /** An index without texts yet. The model must stay loaded as long as texts are added, or searched for. */
  static async create(model: Embedder, options: TextIndexOptions = {}): Promise<TextIndex> {
    const wanted = checked(options);
    const probes = await probed(model, wanted);
    const { type, rescore } = wanted;
    return new TextIndex(model, wanted, probes, new VectorIndex({ dimensions: probes[0]?.length ?? 0, type, rescore }));
  }

  /** How many documents there are. */
  get size(): number {
    return this.#documents.size;
  }

  /** How many passages they have. */
  get passages(): number {
    return this.#owners.size;
  }

  has(id: VectorId): boolean {
    return this.#documents.has(id);
  }

  /** A document as it was added. */
  get(id: VectorId): TextDocument | undefined {
    const kept = this.#documents.get(id);
    return kept && { id, text: kept.text, metadata: kept.metadata };
  }

  /**
   * Adds documents, in place of those that have the same ids. `onProgress` counts passages. After `signal` is aborted, those documents that were ready
   * by then stay: `has` tells which.
   */
  async add(documents: TextDocument | readonly TextDocument[], options: CallOptions = {}): Promise<void> {
    const { signal, onProgress, priority, ...unknown } = checkOptions(options);
    for (const name of Object.keys(unknown)) throw unknownOption(name, ["signal", "onProgress", "priority"]);
    checkCallOptions({ signal, onProgress, priority });
    // Whoever makes the vectors need not know of it.
    const urgency = priority === undefined ? {} : { priority };
    const list = (Array.isArray(documents) ? documents : [documents]) as readonly TextDocument[];
    const cut = list.map((document, i) => this.#cut(document, Array.isArray(documents) ? `documents[${i}]` : "document"));
    signal?.throwIfAborted();
    const total = cut.reduce((sum, { passages }) => sum + passages.length, 0);
    let done = 0;
    for (let from = 0; from < cut.length; ) {
      const batch: Kept[] = [];
      let size = 0;
      while (from < cut.length && (size === 0 || size < TOGETHER)) {
        const next = cut[from++] as Kept;
        batch.push(next);
        size += next.passages.length;
      }
      const texts = batch.flatMap(({ text, passages }) => passages.map(({ start, end }) => text.slice(start, end)));
      const before = done;
      const progress = ({ phase, loaded, total: of }: { phase: string; loaded: number; total: number | undefined }): void =>
        // What the model reads first of its own is told as it is.
        report(onProgress, phase === "embed" ? { phase, loaded: before + loaded, total } : { phase, loaded, total: of });
      const vectors = texts.length === 0 ? [] : await this.#model.embed(texts, { ...forPassages(this.#options), ...urgency, signal, onProgress: progress });
      let at = 0;
      for (const document of batch) this.#put(document, vectors.slice(at, (at += document.passages.length)));
      done += size;
    }
  }

  /** Removes a document. Returns whether it was there. */
  remove(id: VectorId): boolean {
    const document = this.#documents.get(id);
    if (document === undefined) return false;
    this.#documents.delete(id);
    for (const { number } of document.passages) {
      this.#vectors.remove(number);
      this.#owners.delete(number);
    }
    return true;
  }

  /** The passages that are nearest to a query in what they say, the best first. */
  async search(query: string, options: TextSearchOptions = {}): Promise<FoundText[]> {
    const { k, filter, signal, ...unknown } = checkOptions(options);
    for (const name of Object.keys(unknown)) throw unknownOption(name, ["k", "filter", "signal"]);
    checkText("query", query);
    checkCallOptions({ signal });
    if (filter !== undefined && typeof filter !== "function") throw optionError("filter", "a function", filter);
    const prefix = this.#options.queryPrefix ?? this.#options.prefix;
    const ask = { ...forPassages(this.#options), ...(prefix === undefined ? {} : { prefix }), signal };
    const [vector] = await this.#model.embed([query], ask);
    const owner = (number: VectorId) => this.#owners.get(number as number) as { document: Kept; passage: Passage };
    const allowed = filter && ((number: VectorId) => filter(entryOf(owner(number).document)));
    return this.#vectors.search(vector as Vector, { k, filter: allowed }).map(({ id: number, score }) => {
      const { document, passage } = owner(number);
      const { start, end } = passage;
      return { ...entryOf(document), text: document.text.slice(start, end), start, end, score };
    });
  }

  /** All of it as bytes, for `TextIndex.load`: texts, metadata, vectors, and what tells its model from others. */
  save(): Uint8Array {
    const documents = [...this.#documents.values()];
    const description: Description = {
      model: this.#model.info.name,
      probes: this.#probes.map((probe) => [...probe]),
      options: this.#options,
      passages: documents.map(({ passages }) => passages.map(({ number, start, end }) => [number, start, end])),
    };
    const texts = JSON.stringify(documents.map(({ id, text, metadata }) => ({ id, text, metadata })));
    return pack("texts", description, [new TextEncoder().encode(texts), this.#vectors.save()]);
  }

  /**
   * @throws NanolmError with `index/invalid`: bytes that are no saved index, or are damaged; `index/model`: another model has made its
   * vectors.
   */
  static async load(bytes: Uint8Array, model: Embedder): Promise<TextIndex> {
    const { description, parts } = unpack<Description>("texts", bytes);
    const [texts, vectors] = parts;
    if (texts === undefined || vectors === undefined || parts.length !== 2) throw invalid("lengths", "2 parts", `${parts.length}`);
    let options: TextIndexOptions;
    let documents: TextDocument[];
    try {
      options = checked(description.options);
      documents = JSON.parse(new TextDecoder().decode(texts)) as TextDocument[];
    } catch (error) {
      throw invalid("description", "options and texts of an index", (error as Error).message);
    }
    const inner = VectorIndex.load(vectors);
    const probes = await probed(model, options);
    const likeness = alike(probes, description.probes);
    // Of numbers that are none, it is none.
    if (!(likeness >= SAME)) {
      const [made, now] = [String(description.model), model.info.name];
      const facts = { made, now, likeness };
      const what = `the index was made by the model "${made}", and "${now}" makes other vectors (likeness ${likeness.toFixed(3)}, at least ${SAME})`;
      throw new NanolmError("index/model", `${what}. Load that model, or build the index again`, facts);
    }
    const index = new TextIndex(model, options, probes, inner);
    const whole = (place: string, is: boolean): void => {
      if (!is) throw invalid(place, "places of a text and their vectors", "something else");
    };
    const { passages: all } = description;
    whole("passages", Array.isArray(documents) && Array.isArray(all) && all.length === documents.length);
    documents.forEach((given, i) => {
      const places = all[i];
      whole(`passages[${i}]`, Array.isArray(places) && places.every((place) => Array.isArray(place)));
      whole(`documents[${i}]`, typeof given?.text === "string" && isId(given.id) && !index.#documents.has(given.id));
      const { id, text, metadata } = given;
      const passages = (places as Description["passages"][number]).map(([number, start, end]) => ({ number, start, end }));
      const document = { id, text, metadata, passages };
      for (const passage of passages) {
        const { number, start, end } = passage;
        const sound = isCount(start, 0, end) && isCount(end, 0, text.length) && isCount(number, 0, Number.MAX_SAFE_INTEGER);
        whole(`passages[${i}]`, sound && inner.has(number) && !index.#owners.has(number));
        index.#owners.set(number, { document, passage });
        index.#next = Math.max(index.#next, number + 1);
      }
      index.#documents.set(id, document);
    });
    whole("passages", inner.size === index.#owners.size);
    return index;
  }

  /** Keeps it on the device under a name: see `VectorIndex.keep`. */
  async keep(name: string): Promise<void> {
    await keep(name, this.save());
  }

  /** What is kept under a name; undefined where nothing is. */
  static async open(name: string, model: Embedder): Promise<TextIndex | undefined> {
    const bytes = await read(name);
    return bytes && TextIndex.load(bytes, model);
  }

  #cut(document: TextDocument, name: string): Kept {
    const { id, text, metadata } = checkOptions(document);
    checkId(id);
    checkText(`${name}.text`, text);
    const passages = passagesOf(text, this.#options.passage ?? PASSAGE).map((place) => ({ ...place, number: -1 }));
    try {
      // As it comes back once it was saved, and out of reach of who gave it.
      return { id, text, metadata: metadata === undefined ? undefined : JSON.parse(JSON.stringify(metadata)), passages };
    } catch (error) {
      throw optionError(`${name}.metadata`, "something that JSON can say", saying((error as Error).message));
    }
  }

  #put(document: Kept, vectors: readonly Vector[]): void {
    this.remove(document.id);
    document.passages.forEach((passage, i) => {
      passage.number = this.#next++;
      this.#vectors.add(passage.number, vectors[i] as Vector);
      this.#owners.set(passage.number, { document, passage });
    });
    this.#documents.set(document.id, document);
  }
}

const entryOf = ({ id, metadata }: Kept): Entry => ({ id, metadata });

function checked(options: TextIndexOptions): TextIndexOptions {
  for (const [name, value] of Object.entries(checkOptions(options))) {
    if (!NAMES.includes(name)) throw unknownOption(name, NAMES);
    if (name === "passage" && value !== undefined && !isCount(value, 50, 100_000)) throw optionError(name, "a whole number from 50 to 100000", value);
    if (/prefix$/i.test(name) && value !== undefined) checkText(name, value as string);
  }
  return { ...options };
}

/** Options of `embed`: those that were given, as the embedding table takes none. */
function forPassages({ pooling, dimensions, prefix }: TextIndexOptions): EmbedOptions {
  return Object.fromEntries(Object.entries({ pooling, dimensions, prefix }).filter(([, value]) => value !== undefined));
}

async function probed(model: Embedder, options: TextIndexOptions): Promise<Vector[]> {
  if (typeof model?.embed !== "function") throw optionError("model", "a model", model);
  return model.embed(PROBES, forPassages(options));
}

/** The least cosine between the vectors of the same probe; -1 where they have nothing to do with each other. */
function alike(a: readonly Vector[], b: unknown): number {
  const sound = Array.isArray(b) && b.length === a.length && b.every((other, i) => Array.isArray(other) && other.length === a[i]?.length);
  if (!sound) return -1;
  const product = (x: ArrayLike<number>, y: ArrayLike<number>): number => Array.from(x).reduce((sum, value, i) => sum + value * (y[i] as number), 0);
  const cosines = a.map((own, i) => {
    const other = (b as number[][])[i] as number[];
    return product(own, other) / Math.sqrt(product(own, own) * product(other, other));
  });
  return Math.min(...cosines);
}
