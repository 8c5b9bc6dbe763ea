// Scores as they are.
fn cap_scores(scores: vec4<f32>) -> vec4<f32> {
    return scores;
}
