// tanh by its argument's size: the quotient of exponentials loses digits near 0, where three terms of the series have them; beyond
// 9 it is 1 in f32, and what some drivers' tanh gives there is not.
fn soft_tanh(x: vec4<f32>) -> vec4<f32> {
    let square = x * x;
    let near = x * (1.0 + square * (-0.33333333 + square * (0.13333333 - square * 0.053968254)));
    let e = exp(-2.0 * min(abs(x), vec4<f32>(9.0)));
    let far = sign(x) * (1.0 - e) / (1.0 + e);
    return select(far, near, square < vec4<f32>(0.04));
}
