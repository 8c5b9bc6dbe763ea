// No norm: x as it is.
fn norm_begin(local: u32) {}

fn norm_group(group: u32, values: mat4x4<f32>) -> mat4x4<f32> {
    return values;
}

fn norm_scale(local: u32) -> f32 {
    return 1.0;
}
