// (x - mean(x)) / sqrt(var(x) + eps) * weight + bias (arXiv 1607.06450). Mean and variance take a walk over x each, as in
// layer_norm: one walk would lose what a large mean hides.
var<private> norm_mean: f32;
var<private> norm_factor: f32;

fn norm_begin(local: u32) {
    let width = f32(params.width);
    var sum = 0.0;
    for (var group = local % TEAM; group < params.groups; group += TEAM) {
        let values = x_group(group);
        sum += dot(values[0] + values[1] + values[2] + values[3], vec4<f32>(1.0));
    }
    norm_mean = team_sum(local, vec4<f32>(sum)).x / width;
    var squares = vec4<f32>(0.0);
    for (var group = local % TEAM; group < params.groups; group += TEAM) {
        for (var i = 0u; i < 4u; i++) {
            // The padding is no part of the variance.
            let first = group * 16u + i * 4u;
            let inside = vec4<u32>(first) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(params.width);
            let centred = select(vec4<f32>(0.0), x[group * 4u + i] - norm_mean, inside);
            squares += centred * centred;
        }
    }
    let variance = dot(team_sum(local, squares), vec4<f32>(1.0)) / width;
    norm_factor = 1.0 / sqrt(variance + params.eps);
}

fn norm_group(group: u32, values: mat4x4<f32>) -> mat4x4<f32> {
    let weight = vector_group(group * 4u);
    let bias = vector_group((params.groups + group) * 4u);
    return mat4x4<f32>(
        (values[0] - norm_mean) * norm_factor * weight[0] + bias[0],
        (values[1] - norm_mean) * norm_factor * weight[1] + bias[1],
        (values[2] - norm_mean) * norm_factor * weight[2] + bias[2],
        (values[3] - norm_mean) * norm_factor * weight[3] + bias[3],
    );
}

fn norm_scale(local: u32) -> f32 {
    return 1.0;
}
