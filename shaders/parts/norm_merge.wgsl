// No norm: x as it comes out of an attention that was split. x holds, for each head and part, [HEAD] vectors of weighted sums of
// values, then one of (the largest score, the sum of the weights). The parts are weighed against each other by the largest score
// of all (arXiv 2205.14135, section 3.1); each workgroup merges all of x, once.

// Vectors of 4 in a head.
override HEAD: u32 = 16u;
// Vectors of 4 in x, merged and padded.
override COLUMNS: u32 = 64u;

var<workgroup> merged: array<vec4<f32>, COLUMNS>;

fn norm_begin(local: u32) {
    let parts = split_count(batch.position + 1u - seen_from(batch.position));
    for (var i = local; i < COLUMNS; i += WORKGROUP) {
        var value = vec4<f32>(0.0);
        if i * 4u < params.width {
            let at = i / HEAD * SPLITS * (HEAD + 1u);
            var largest = -3.0e38;
            for (var part = 0u; part < parts; part++) {
                largest = max(largest, x[at + part * (HEAD + 1u) + HEAD].x);
            }
            var total = 0.0;
            for (var part = 0u; part < parts; part++) {
                let start = at + part * (HEAD + 1u);
                let weight = exp(x[start + HEAD].x - largest);
                total += weight * x[start + HEAD].y;
                value += weight * x[start + i % HEAD];
            }
            value /= total;
        }
        merged[i] = value;
    }
    workgroupBarrier();
}

fn norm_group(group: u32, values: mat4x4<f32>) -> mat4x4<f32> {
    let i = group * 4u;
    return mat4x4<f32>(merged[i], merged[i + 1u], merged[i + 2u], merged[i + 3u]);
}

fn norm_scale(local: u32) -> f32 {
    return 1.0;
}
