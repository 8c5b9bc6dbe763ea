// Which way each task of a model goes.

import type { EngineInfo, LoadedInfo, TaskMethod } from "../info.js";

const SUMMARIES = ["tldr", "key-points", "headline"];
/** What a chat model can be asked for. */
const INSTRUCTED = [...SUMMARIES, "classify", "entities", "answer", "rewrite", "translate"];

/** @internal What the engine says of a model, with what it can be asked for by its chat template. */
export function described(info: LoadedInfo): EngineInfo {
  const can = (task: string): boolean => info.tasks.includes(task);
  const chats = can("generate") && can("chat");
  // An encoder-decoder continues no text.
  const recipes = info.recipes === undefined ? undefined : Object.keys(info.recipes);
  const has = (task: string): boolean => recipes?.some((key) => key.startsWith(task)) === true;
  const way = (task: string, own: boolean): [string, TaskMethod] => [task, own ? "model" : chats ? "instruction" : "package"];
  const methods = Object.fromEntries<TaskMethod>([
    ...(has("summarization") ? [way("tldr", true)] : []),
    ...(has("translation_") ? [way("translate", true)] : []),
    ...SUMMARIES.filter((task) => chats || can(task)).map((task) => way(task, can(task))),
    // A model that generates has no head for labels. An encoder has vectors for those of the caller's own.
    way("classify", (can("classify") && !can("generate")) || can("embed")),
    // A head's task is the first; any model finds entities and answers by the package.
    ["entities", info.tasks[0] === "entities" ? "model" : "package"],
    ["keywords", "package"],
    ["answer", info.tasks[0] === "answer" ? "model" : "package"],
    ["embed", can("embed") ? "model" : "package"],
    ["rank", can("embed") || can("rank") ? "model" : "package"],
    ...(chats ? ["rewrite", "translate"] : []).map((task) => way(task, false)),
  ]);
  const more = [...(chats ? INSTRUCTED : []), ...(can("generate") && recipes === undefined ? ["complete"] : [])];
  if (has("summarization")) more.push("tldr");
  if (has("translation_")) more.push("translate");
  return { ...info, tasks: [...new Set([...info.tasks, ...more])], methods };
}
