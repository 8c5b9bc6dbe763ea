// Values with a soft cap, beside soft_tanh.
fn capped(values: vec4<f32>) -> vec4<f32> {
    return params.soft_cap * soft_tanh(values / params.soft_cap);
}
