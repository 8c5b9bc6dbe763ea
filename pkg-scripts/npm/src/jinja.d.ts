// The template engine as the package holds it: `@huggingface/jinja`, put into jinja.js when the package is assembled.

export class Template {
  constructor(template: string);
  render(values: Record<string, unknown>): string;
}
