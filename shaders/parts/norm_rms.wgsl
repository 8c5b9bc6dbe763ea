// x / sqrt(mean(x^2) + eps) * weight (arXiv 1910.07467). The factor is the same for all elements, so that it is applied
// to the sums; the squares are added up while x is read for them.
var<private> norm_squares: f32;

fn norm_begin(local: u32) {
    norm_squares = 0.0;
}

fn norm_group(group: u32, values: mat4x4<f32>) -> mat4x4<f32> {
    norm_squares += dot(values[0], values[0]) + dot(values[1], values[1])
        + dot(values[2], values[2]) + dot(values[3], values[3]);
    let weight = vector_group(group * 4u);
    return mat4x4<f32>(
        values[0] * weight[0],
        values[1] * weight[1],
        values[2] * weight[2],
        values[3] * weight[3],
    );
}

fn norm_scale(local: u32) -> f32 {
    let squares = team_sum(local, vec4<f32>(norm_squares)).x;
    return 1.0 / sqrt(squares / f32(params.width) + params.eps);
}
