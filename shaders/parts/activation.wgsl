// Elementwise non-linearities. Every one maps 0 to 0, so padding stays zero.

// Which one: 0 silu, 1 gelu by its tanh approximation, 2 exact gelu, 3 the greater of x and 0.
override ACTIVATION: u32 = 0u;

// Beyond it exp overflows, and WGSL promises nothing about infinities; the results are as good as 0 there.
const FAR: f32 = 80.0;

// x * sigmoid(x).
fn silu(x: vec4<f32>) -> vec4<f32> {
    return select(x, vec4<f32>(0.0), x < vec4<f32>(-FAR)) / (1.0 + exp(min(-x, vec4<f32>(FAR))));
}

// 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). Beyond 10, tanh is 1 in f32, and some drivers overflow.
fn gelu_tanh(x: vec4<f32>) -> vec4<f32> {
    let inner = 0.7978845608 * x * (1.0 + 0.044715 * x * x);
    return 0.5 * x * (1.0 + tanh(clamp(inner, vec4<f32>(-10.0), vec4<f32>(10.0))));
}

// 0.5 x erfc(-x / sqrt(2)), erfc by Abramowitz and Stegun 7.1.26 (absolute error below 1.5e-7).
fn gelu(x: vec4<f32>) -> vec4<f32> {
    let z = abs(x) * 0.7071067812;
    let t = 1.0 / (1.0 + 0.3275911 * z);
    let polynomial = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    let tail = select(polynomial * exp(-min(z * z, vec4<f32>(FAR))), vec4<f32>(0.0), z * z > vec4<f32>(FAR));
    return 0.5 * x * select(tail, 2.0 - tail, x > vec4<f32>(0.0));
}

fn activate(x: vec4<f32>) -> vec4<f32> {
    if ACTIVATION == 1u {
        return gelu_tanh(x);
    }
    if ACTIVATION == 2u {
        return gelu(x);
    }
    if ACTIVATION == 3u {
        return max(x, vec4<f32>(0.0));
    }
    return silu(x);
}
