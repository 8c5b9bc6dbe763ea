// Scores with a soft cap, beside soft_tanh.
fn cap_scores(scores: vec4<f32>) -> vec4<f32> {
    return params.soft_cap * soft_tanh(scores / params.soft_cap);
}
