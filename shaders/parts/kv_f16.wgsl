// Keys and values in the cache as f16, two in a word: rounded to 11 bits, and to the largest f16 where they are larger.
alias KvVector = vec2<u32>;
alias KvWord = u32;

// Elements of a word.
const KV_ELEMENTS: u32 = 2u;
const LARGEST_F16: f32 = 65504.0;

fn kv_load(stored: KvVector) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(stored.x), unpack2x16float(stored.y));
}

fn kv_store(values: vec4<f32>) -> KvVector {
    return vec2<u32>(kv_word(values.x, values.y), kv_word(values.z, values.w));
}

fn kv_word(first: f32, second: f32) -> KvWord {
    return pack2x16float(clamp(vec2<f32>(first, second), vec2<f32>(-LARGEST_F16), vec2<f32>(LARGEST_F16)));
}
