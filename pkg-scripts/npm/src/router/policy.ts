// Which models to ask, in which order: the policy's words, then the budget.

import { optionError, unknownOption } from "../errors.js";
import type { Routed } from "./models.js";
import type { Asked, Candidate, Policy, PolicyData, Rule } from "./types.js";

const among = <T>(value: T, wanted: T | readonly T[] | undefined): boolean => wanted === undefined || [wanted].flat().includes(value as never);
const same = (value: boolean, wanted: boolean | undefined): boolean => wanted === undefined || value === wanted;

function holds({ when = {} }: Rule, asked: Asked): boolean {
  const { endpoint, task, characters: [least, most] = [0, Number.POSITIVE_INFINITY], personal, tools, structured, media, online } = when;
  return (
    among(asked.endpoint, endpoint) &&
    (task === undefined || (asked.task !== undefined && among(asked.task, task))) &&
    asked.characters >= least &&
    asked.characters <= most &&
    same(asked.personal, personal) &&
    same(asked.tools, tools) &&
    same(asked.structured, structured) &&
    same(asked.media, media) &&
    same(asked.online, online)
  );
}

/** Refuses a policy that names what is not there. */
export function checkPolicy(policy: Policy | undefined, models: ReadonlyMap<string, Routed>): void {
  if (policy === undefined || typeof policy === "function") return;
  const { rules = [], quality, latencyMs, cost, totalCost, ...unknown } = policy;
  for (const name of Object.keys(unknown)) throw unknownOption(name, ["rules", "quality", "latencyMs", "cost", "totalCost"], "policy.");
  for (const [i, { use, when = {} }] of rules.entries()) {
    if (!Array.isArray(use)) throw optionError(`policy.rules[${i}].use`, "names of models", use);
    for (const name of use) if (!models.has(name)) throw optionError(`policy.rules[${i}].use`, `one of ${[...models.keys()].join(", ")}`, name);
    for (const name of Object.keys(when)) {
      if (!["endpoint", "task", "characters", "personal", "tools", "structured", "media", "online"].includes(name)) {
        throw optionError(`policy.rules[${i}].when`, "endpoint, task, characters, personal, tools, structured, media or online", name);
      }
    }
  }
}

/** A model that is not asked, and why. */
export interface LeftOut {
  name: string;
  why: string;
}

/** Models in the order in which they are asked. */
export interface Order {
  models: Routed[];
  leftOut: LeftOut[];
}

export async function orderOf(policy: Policy | undefined, asked: Asked, models: ReadonlyMap<string, Routed>, spent: number): Promise<Order> {
  const leftOut: LeftOut[] = [];
  const data: PolicyData = typeof policy === "object" ? policy : {};
  const names = models.has(asked.model) ? [asked.model] : ((await chosen(policy, asked)) ?? [...models.keys()]);
  let listed = [...new Set(names)].map((name) => models.get(name) ?? unknown(name, models));
  // Vectors of two models have nothing to do with each other: one model makes them, or none.
  if (asked.endpoint === "embeddings") listed = listed.filter(({ endpoints }) => endpoints.includes("embeddings")).slice(0, 1);
  const fitting = listed.filter((model) => {
    const why = unfit(model, asked, candidate(asked, model.name).cost, data, spent);
    if (why !== undefined) leftOut.push({ name: model.name, why });
    return why === undefined;
  });
  // What is wanted and not met puts a model behind the others; it is still better than none.
  const behind = (model: Routed): number => {
    const { quality, health } = candidate(asked, model.name);
    const misses = quality < (asked.quality ?? 0) ? 2 : 0;
    return misses + ((health.latencyMs ?? 0) > (asked.latencyMs ?? Number.POSITIVE_INFINITY) ? 1 : 0);
  };
  return { models: fitting.sort((a, b) => behind(a) - behind(b)), leftOut };
}

function chosen(policy: Policy | undefined, asked: Asked): readonly string[] | undefined | Promise<readonly string[] | undefined> {
  if (typeof policy === "function") return policy(asked);
  return policy?.rules?.find((rule) => holds(rule, asked))?.use;
}

function unknown(name: string, models: ReadonlyMap<string, Routed>): never {
  throw optionError("policy", `names among ${[...models.keys()].join(", ")}`, name);
}

const candidate = (asked: Asked, name: string): Candidate => asked.models.find((model) => model.name === name) as Candidate;

function unfit(model: Routed, asked: Asked, cost: number, { totalCost }: PolicyData, spent: number): string | undefined {
  if (!model.endpoints.includes(asked.endpoint)) return `it does not serve ${asked.endpoint}`;
  if (asked.characters > model.maxCharacters) return `the input has ${asked.characters} characters, it takes ${model.maxCharacters}`;
  if (asked.cost !== undefined && cost > asked.cost) return `it may cost ${cost}, the limit is ${asked.cost}`;
  if (totalCost !== undefined && cost > 0 && spent + cost > totalCost) return `it may cost ${cost}, and of ${totalCost} in all ${spent} are spent`;
  if (model.where === "remote" && !asked.online) return "the network is off";
  return undefined;
}
