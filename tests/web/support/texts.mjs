// Texts to read for tests: plain, with characters beyond the basic plane, and longer than any context here.

export const SHORT = "The keeper lights the lamp.";

export const ARTICLE = [
  "The harbour town of Arden has rebuilt its old lighthouse after a storm tore away the lantern in March.",
  "Masons worked through the summer to replace three hundred blocks of granite.",
  "The new lamp 💡 uses a tenth of the electricity of the old one and can be seen from twenty nautical miles.",
  "“We grew up with that light,” said the harbour master, who has kept the log for thirty years.",
  "Fishing boats had to take a longer way around the reef while the tower was dark.",
  "Two of them ran aground in May, and nobody was hurt.",
  "The council paid half of the cost, and visitors' gifts paid the rest.",
  "A small museum in the keeper's house opens next week, with the broken lantern as its first exhibit.",
].join(" ");

/** A text of any length. */
const parts = (count) => Array.from({ length: count }, (_, part) => `Part ${part + 1}. ${ARTICLE}`).join("\n\n");

/** Many times the context of any model in these tests. */
export const LONG = parts(40);

/** Longer than the default model's context, and short enough for a GPU that is played by the CPU. */
export const LONGISH = parts(5);
