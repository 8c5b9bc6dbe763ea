//! Names of all types that GGUF files can hold, for messages about those that the table lacks.

use super::DType;

/// ggml's numbers and names.
const NAMES: [(u32, &str); 14] = [
    (9, "Q8_1"),
    (15, "Q8_K"),
    (16, "IQ2_XXS"),
    (17, "IQ2_XS"),
    (18, "IQ3_XXS"),
    (19, "IQ1_S"),
    (21, "IQ3_S"),
    (22, "IQ2_S"),
    (24, "I8"),
    (25, "I16"),
    (26, "I32"),
    (27, "I64"),
    (28, "F64"),
    (29, "IQ1_M"),
];

/// What ggml calls the type of a number; `type 99` where it has none.
pub fn type_name(gguf_id: u32) -> String {
    let known = DType::from_gguf_id(gguf_id).map(DType::name);
    let name = known.or_else(|| NAMES.iter().find(|(id, _)| *id == gguf_id).map(|(_, name)| *name));
    name.map_or_else(|| format!("type {gguf_id}"), str::to_string)
}
