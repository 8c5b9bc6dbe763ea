/**
 * `nanolm/extract`: the article of a page, without what stands around it, and the way from its text back to the page.
 */

import { PageText } from "../elements/text.js";
import { optionError, WorkerError } from "../errors.js";
import { findArticle, headingsOf } from "./find.js";

/** A paragraph, an item of a list, a quotation: what is laid out as one. */
export interface ExtractedBlock {
  text: string;
  /** Where it stands in the extraction's text, in UTF-16 code units. */
  start: number;
  end: number;
  /** The element whose text it is. */
  element: Element;
  /** The nearest heading above it. */
  heading?: string;
}

/** What a page says. */
export interface Extraction {
  /** The article's prose, its blocks apart by an empty line; empty where the page has none. */
  text: string;
  blocks: ExtractedBlock[];
  /** `article`: Readability found it. `structure`: the page's main part. `nothing`: there is no prose. */
  found: "article" | "structure" | "nothing";
  title?: string;
  byline?: string;
  siteName?: string;
  /** The language that the page names, such as "en" or "pt-BR". */
  language?: string;
  /** When it was published, as the page writes it. */
  published?: string;
  /** The range of a part of the text, to mark or to scroll to; undefined where its nodes have left the page or were changed. */
  rangeOf(start: number, end: number): Range | undefined;
}

const oneLine = (text: string | null | undefined): string => text?.trim().replace(/\s+/g, " ") ?? "";

function parse(html: string): Document {
  if (typeof DOMParser === "function") return new DOMParser().parseFromString(html, "text/html");
  const message = "extract reads HTML text in a page. Elsewhere give it the document of a DOM library, or give the HTML itself to a model's tasks";
  throw new WorkerError("worker/unavailable", message);
}

/** Of a page with one heading of the first level it is the title: what else stands in `<title>` is the site's. */
function titleOf(page: Document, headings: readonly Element[], read: string | null | undefined): string {
  const first = headings.filter(({ localName }) => localName === "h1");
  return (first.length === 1 && oneLine(first[0]?.textContent)) || oneLine(read) || oneLine(page.title);
}

/**
 * The article of a page: of `document`, of another document, or of HTML as a string. The page is not changed. Navigation, notices, comments,
 * captions, code and tables are left out.
 * @throws {WorkerError} `worker/unavailable` for a string where there is no `DOMParser`.
 * @throws {OptionError} `option/invalid` for a source that is neither.
 */
export function extract(source: Document | string): Extraction {
  const page = typeof source === "string" ? parse(source) : source;
  // 9: DOCUMENT_NODE.
  if (page?.nodeType !== 9) throw optionError("source", "a Document or HTML as a string", source);
  const { parts, found, read } = findArticle(page);
  const said = new PageText(parts);
  const headings = headingsOf(page);
  const extraction: Extraction = { text: said.text, blocks: [], found, rangeOf: (start, end) => said.rangeOf(start, end) };
  let above = 0;
  for (const { start, end, element } of said.blocks()) {
    // 4: DOCUMENT_POSITION_FOLLOWING.
    while (above < headings.length && (headings[above] as Element).compareDocumentPosition(element) & 4) above++;
    const heading = oneLine(headings[above - 1]?.textContent);
    extraction.blocks.push({ text: said.text.slice(start, end), start, end, element, ...(heading && { heading }) });
  }
  const known = {
    title: titleOf(page, headings, read?.title),
    byline: oneLine(read?.byline),
    siteName: oneLine(read?.siteName),
    language: oneLine(page.documentElement?.lang) || oneLine(read?.lang),
    published: oneLine(read?.publishedTime),
  };
  for (const [name, value] of Object.entries(known)) if (value !== "") extraction[name as keyof typeof known] = value;
  return extraction;
}
