// Keys and values in the cache as they are: f32.
alias KvVector = vec4<f32>;
alias KvWord = f32;

// Elements of a word.
const KV_ELEMENTS: u32 = 1u;

fn kv_load(stored: KvVector) -> vec4<f32> {
    return stored;
}

fn kv_store(values: vec4<f32>) -> KvVector {
    return values;
}

fn kv_word(first: f32, second: f32) -> KvWord {
    return first;
}
