// Readability as the package holds it: `@mozilla/readability`, put into readability.js when the package is assembled.

export interface Read {
  title?: string | null;
  content?: Element | null;
  byline?: string | null;
  siteName?: string | null;
  lang?: string | null;
  publishedTime?: string | null;
}

export class Readability {
  constructor(document: Document, options: { charThreshold: number; serializer: (element: Element) => Element });
  parse(): Read | null;
}
