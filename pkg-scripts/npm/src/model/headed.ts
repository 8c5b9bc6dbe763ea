// Tasks by a model's own head over tokens. All but this is downloaded when it is first used.

import type { Connection } from "../engine/connection.js";
import type { EngineInfo } from "../info.js";
import type { Answer, AnswerOptions } from "./tasks/answer.js";
import type { Entity, EntityOptions } from "./tasks/entities.js";

/** @internal The tasks of the head that the model has, if any. */
export interface Headed {
  entities?: (text: string, options: EntityOptions) => Promise<{ found: Entity[]; others: readonly string[] }>;
  answer?: (text: string, options: AnswerOptions & { question: string }) => Promise<Answer | null>;
}

/** @internal */
export function headed(connection: Connection, { methods, contextLength }: EngineInfo): Headed {
  if (methods.entities === "model") {
    return { entities: async (text, options) => (await import("./heads/entities.js")).byTokens(connection, text, contextLength, options) };
  }
  if (methods.answer === "model") {
    return { answer: async (text, options) => (await import("./heads/answer.js")).answer(connection, text, contextLength, options) };
  }
  return {};
}
