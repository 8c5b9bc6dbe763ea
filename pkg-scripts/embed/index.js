// Where the model's file is, in the form that bundlers look for.

/** What `Model.load` takes. */
export default new URL("./model.gguf", import.meta.url);

/** What the file must be, as Subresource Integrity writes it. */
export const integrity = "sha256:model.gguf";
