// Entities of any type, by a chat model.

import { sourceOf } from "../chat/source.js";
import { checkText } from "../options.js";
import type { Piece } from "../stream.js";
import type { Entity, EntityOptions } from "../tasks/entities.js";
import { ask, BULLET, type Call, confidence, lines, question } from "./ask.js";
import { checkNames } from "./check.js";
import { partsOf, placesOf, room, sentencesOf } from "./text.js";

const MAX_TOKENS = 256;
const ASKED = 256;
/** Words of an entity, at most: a model that goes on copies sentences. */
const MOST_WORDS = 8;

function instruction(type: string): string {
  return (
    `List every ${type} that is named in the text, each on a line of its own that begins with "${BULLET} ", copied word for word and ` +
    `without anything else. Where there is none, write "${BULLET} none".`
  );
}

/** Every place of what the model finds, type by type, in the order of the text. What is not in the text is left out. */
export async function extractEntities(call: Call, text: string, options: EntityOptions & { types: readonly string[] }): Promise<Entity[]> {
  const { types } = options;
  types.forEach((type, i) => checkText(`types[${i}]`, type));
  checkNames(options, ["types"]);
  const { contextLength } = await sourceOf(call.connection);
  const sentences = await sentencesOf(call.connection, text, false);
  const found = new Map<string, Entity>();
  for (const part of await partsOf(call.connection, text, sentences, room(contextLength, ASKED + MAX_TOKENS))) {
    for (const type of types) {
      const pieces: Piece[] = [];
      const writing = { maxNewTokens: MAX_TOKENS, stop: "\n\n" };
      await ask(call, question(part, instruction(type), BULLET), writing, (piece) => pieces.push(piece));
      for (const line of lines(pieces)) {
        const score = confidence(line.pieces);
        if (line.text.split(/\s+/).length > MOST_WORDS) continue;
        for (const place of placesOf(text, line.text)) {
          const key = `${type} ${place.start}`;
          if (!found.has(key)) found.set(key, { text: text.slice(place.start, place.end), type, ...place, score });
        }
      }
    }
  }
  return [...found.values()].sort((a, b) => a.start - b.start || b.end - a.end);
}
