// Random JSON schemas, each with values that fit it.

/** Random numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const NAMES = ["id", "name", "a b", "größe", 'x"y', "tags", "next", "0", "back\\slash", "line\nbreak", "$ref-like", "名"];
const VALUES = ["red", "", 'say "hi"', "naïve", 0, -7, 3.5, true, false, null, [1, "a"], { k: null }];
const PATTERNS = ["^[a-z]+$", "\\d{2,4}", "^(foo|bar)-[A-F0-9]{2}$", "^\\w+@\\w+\\.(com|org)$", "^.$", "^[^\\s,]{1,5}$", "^(?:[a-c]{2}){1,3}$", "^\\p{Lu}\\S*$", "^$", "[\\u00e0-\\u00ff]"];
const FORMATS = ["date", "time", "date-time", "uuid", "ipv4", "ipv6", "email", "hostname", "uri", "duration"];

export function randomSchema(seed) {
  const random = randomOf(seed);
  const below = (n) => Math.floor(random() * n);
  const pick = (list) => list[below(list.length)];
  const maybe = (share, object) => (random() < share ? object : {});
  /** Some of a list, each once. */
  const some = (list, n) => {
    const left = [...list];
    return Array.from({ length: Math.min(n, left.length) }, () => left.splice(below(left.length), 1)[0]);
  };
  const definitions = {};

  const integer = () => {
    const minimum = below(2000) - 1000;
    return {
      type: "integer",
      ...pick([{ minimum }, { exclusiveMinimum: minimum }]),
      ...pick([{ maximum: minimum + 40 + below(5000) }, { exclusiveMaximum: minimum + 40 + below(5000) }, {}]),
      ...maybe(0.2, { multipleOf: pick([2, 3, 5, 7, 10]) }),
    };
  };
  const number = () => {
    const minimum = Math.round((random() - 0.5) * 2000) / 8;
    return { type: "number", ...pick([{ minimum }, { exclusiveMinimum: minimum }, {}]), ...pick([{ maximum: minimum + 1 + below(50) / 4 }, { exclusiveMaximum: minimum + 0.25 }, {}]) };
  };
  const string = () => {
    const maxLength = 1 + below(8);
    return pick([{ type: "string", maxLength, minLength: below(maxLength) }, { type: "string", pattern: pick(PATTERNS), maxLength: 14 }, { type: "string", format: pick(FORMATS), maxLength: 60 }]);
  };
  const array = (depth) => {
    const minItems = below(3);
    const tuple = random() < 0.25;
    return {
      type: "array",
      ...(tuple ? { prefixItems: [schema(depth - 1), schema(depth - 1)], items: pick([false, schema(depth - 1)]) } : { items: schema(depth - 1) }),
      ...(tuple ? {} : { minItems }),
      maxItems: tuple ? 2 + below(2) : minItems + below(3),
    };
  };
  const object = (depth) => {
    const names = some(NAMES, 1 + below(4));
    const properties = Object.fromEntries(names.map((name) => [name, schema(depth - 1)]));
    const required = names.filter(() => random() < 0.7);
    const more = pick([
      { additionalProperties: false },
      { additionalProperties: false },
      { additionalProperties: integer(), required: names, maxProperties: names.length + 2 },
      { additionalProperties: false, patternProperties: { "^x-[a-z]$": string() }, required: names, maxProperties: names.length + 1 },
    ]);
    return { type: "object", properties, required, ...more };
  };
  const tagged = (depth) => ({
    oneOf: ["circle", "square"].map((kind) => ({
      type: "object",
      properties: { kind: { const: kind }, [kind]: schema(depth - 1) },
      required: ["kind", kind],
      additionalProperties: false,
    })),
  });
  const reference = () => {
    const name = pick(["thing", "a/b~c", "ünit"]);
    definitions[name] ??= pick([leaf, () => object(1), () => array(1)])();
    return { $ref: `#/$defs/${name.replaceAll("~", "~0").replaceAll("/", "~1")}` };
  };
  const tree = () => {
    definitions.tree ??= {
      type: "object",
      properties: { value: { type: "integer", minimum: 0, maximum: 9 }, children: { type: "array", items: { $ref: "#/$defs/tree" }, maxItems: 2 } },
      required: ["value"],
      additionalProperties: false,
    };
    return { $ref: "#/$defs/tree" };
  };
  const leaf = () =>
    pick([integer, number, string, () => ({ type: "boolean" }), () => ({ type: "null" }), () => ({ enum: some(VALUES, 1 + below(4)) }), () => ({ const: pick(VALUES) }), () => ({ type: ["integer", "null"], maximum: 99, minimum: -99 })])();
  function schema(depth) {
    if (depth <= 0) return { ...maybe(0.1, { title: "leaf", description: "says nothing" }), ...leaf() };
    return pick([
      leaf,
      () => array(depth),
      () => object(depth),
      () => object(depth),
      () => ({ anyOf: [schema(depth - 1), schema(depth - 1), leaf()] }),
      () => tagged(depth),
      () => ({ allOf: [{ type: "integer", minimum: -500 }, integer(), { maximum: 5000 }] }),
      reference,
      tree,
    ])();
  }
  const root = schema(1 + below(3));
  return Object.keys(definitions).length === 0 ? root : { ...root, $defs: definitions };
}
