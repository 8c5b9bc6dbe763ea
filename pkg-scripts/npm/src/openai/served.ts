// The models that a surface serves.

import type { Model } from "../index.js";
import { abortable } from "../model/abortable.js";
import { ApiError, invalid } from "./errors.js";

/** A model, or a function that loads it when it is first asked for. */
export type ServedModel = Model | Promise<Model> | (() => Model | Promise<Model>);

/** One model for whatever name is asked for, or models by the names that clients know them by. */
export type ServedModels = ServedModel | Readonly<Record<string, ServedModel>>;

/** The name of a model that is served alone. */
const ALONE = "nanolm";

/** Models by name, each loaded once. */
export class Served {
  readonly #alone: boolean;
  readonly #models: Readonly<Record<string, ServedModel>>;
  readonly #loaded = new Map<string, Promise<Model>>();

  constructor(models: ServedModels) {
    this.#alone = isOne(models);
    this.#models = isOne(models) ? { [ALONE]: models } : models;
    if (typeof models !== "function" && (typeof models !== "object" || models === null)) throw invalid("models", "a model, or models by name", models);
  }

  /** The one that is meant where nobody names one. */
  get first(): string {
    return this.names[0] ?? ALONE;
  }

  get names(): string[] {
    return Object.keys(this.#models);
  }

  /** Refuses a name that is not served. */
  require(name: string): string {
    if (this.#alone) return ALONE;
    if (Object.hasOwn(this.#models, name)) return name;
    throw new ApiError(404, `The model \`${name}\` does not exist or you do not have access to it. There are: ${this.names.join(", ")}.`, null, "model_not_found");
  }

  /** The model, loaded at the first call. An abort ends the wait, not the load. */
  get(name: string, signal?: AbortSignal | undefined): Promise<Model> {
    return abortable(this.#load(name), signal);
  }

  #load(name: string): Promise<Model> {
    const key = this.require(name);
    let loaded = this.#loaded.get(key);
    if (loaded === undefined) {
      const model = this.#models[key] as ServedModel;
      loaded = Promise.resolve(typeof model === "function" ? model() : model);
      this.#loaded.set(key, loaded);
      // The next request loads again.
      loaded.catch(() => this.#loaded.delete(key));
    }
    return loaded;
  }

  described(name: string): object {
    this.require(name);
    return { id: name, object: "model", created: 0, owned_by: "nanolm" };
  }
}

export function isOne(models: ServedModels): models is ServedModel {
  return typeof models === "function" || typeof (models as { chat?: unknown })?.chat === "function" || typeof (models as { then?: unknown })?.then === "function";
}
