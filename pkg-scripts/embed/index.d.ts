/** The address of the model's file, for `Model.load`: of the copy that a bundler makes, beside the module, or on disk in Node. */
declare const model: URL;
export default model;

/** What the file must be, for `Model.load(model, { integrity })`: `"sha256-…"`, as Subresource Integrity writes it. */
export const integrity: string;
