// Where in a template rendering stopped: the template engine does not say.

import type { Template } from "../../jinja.js";

/** A tag of a template. */
export interface Tag {
  source: string;
  at: number;
}

/** A string as a tag may hold it, or the tag's end. */
const INSIDE = /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|([%}])\}/gs;

/** All tags but comments. One that does not end goes on to the end of the template. */
export function tagsOf(template: string): Tag[] {
  const tags: Tag[] = [];
  let at = 0;
  for (;;) {
    const found = /\{[{%#]/g;
    found.lastIndex = at;
    const open = found.exec(template);
    if (open === null) return tags;
    if (open[0] === "{#") {
      const end = template.indexOf("#}", open.index);
      if (end < 0) return [...tags, { source: template.slice(open.index), at: open.index }];
      at = end + 2;
      continue;
    }
    const end = endOf(template, open.index + 2, open[0] === "{{" ? "}" : "%");
    tags.push({ source: template.slice(open.index, end), at: open.index });
    at = end;
  }
}

function endOf(template: string, from: number, closing: string): number {
  let depth = 0;
  let at = from;
  for (;;) {
    INSIDE.lastIndex = at;
    const found = INSIDE.exec(template);
    if (found === null) return template.length;
    // Braces of objects may stand before the end, also right before it.
    for (const c of template.slice(at, found.index)) depth += c === "{" ? 1 : c === "}" ? -1 : 0;
    if (found[1] === closing && (closing === "%" || depth <= 0)) return found.index + 2;
    if (found[1] !== undefined) {
      depth -= found[1] === "}" ? 1 : 0;
      at = found.index + 1;
    } else {
      at = found.index + found[0].length;
    }
  }
}

/** What closes the blocks that a tag may open or belong to. */
const AROUND: Record<string, readonly [before: string, after: string]> = {
  if: ["", "{% endif %}"],
  elif: ["{% if true %}", "{% endif %}"],
  else: ["{% if true %}", "{% endif %}"],
  endif: ["{% if true %}", ""],
  for: ["", "{% endfor %}"],
  endfor: ["{% for _ in [] %}", ""],
  macro: ["", "{% endmacro %}"],
  endmacro: ["{% macro _() %}", ""],
  call: ["", "{% endcall %}"],
  endcall: ["{% call _() %}", ""],
  filter: ["", "{% endfilter %}"],
  endfilter: ["{% filter trim %}", ""],
  endset: ["{% set _ %}", ""],
  break: ["{% for _ in [] %}", "{% endfor %}"],
  continue: ["{% for _ in [] %}", "{% endfor %}"],
};

const PROBE = "nanolm_at__";

/**
 * The tag that cannot be read or, if all can, the one at which rendering stops. Undefined where neither is found, as for
 * blocks that are not closed.
 */
export function failingTag(Engine: typeof Template, template: string, values: Record<string, unknown>): Tag | undefined {
  const tags = tagsOf(template);
  const unreadable = tags.find(({ source }) => {
    const word = /^\{%-?\s*(\w+)/.exec(source)?.[1] ?? "";
    const isBlockSet = word === "set" && !source.includes("=");
    const [before, after] = isBlockSet ? ["", "{% endset %}"] : (AROUND[word] ?? ["", ""]);
    // The custom tag of `transformers` around what a model writes does nothing.
    if (/^(end)?generation$/.test(word)) return false;
    return fails(() => new Engine(`${before}${source}${after}`));
  });
  if (unreadable !== undefined) return unreadable;
  let last: number | undefined;
  const probed = tags.reduceRight(
    (text, { at }, i) => `${text.slice(0, at)}{{ ${PROBE}(${i}) }}${text.slice(at)}`,
    template,
  );
  const probe = (i: number): string => {
    last = i;
    return "";
  };
  const stopped = fails(() => new Engine(probed).render({ ...values, [PROBE]: probe }));
  return stopped && last !== undefined ? tags[last] : undefined;
}

function fails(run: () => unknown): boolean {
  try {
    run();
    return false;
  } catch {
    return true;
  }
}

/** A place in words. */
export function describe(template: string, { source, at }: Tag): { line: number; column: number; tag: string } {
  const before = template.slice(0, at).split("\n");
  const tag = source.length > 160 ? `${source.slice(0, 120)} … ${source.slice(-30)}` : source;
  return { line: before.length, column: (before.at(-1) ?? "").length + 1, tag };
}
