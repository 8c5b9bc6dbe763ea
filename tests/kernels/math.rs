use nanolm::cpu::{math, vector::Vector};

at_every_level!(exp_keeps_its_documented_error);

fn exp_keeps_its_documented_error<V: Vector>() {
    let exp = |x: f32| math::exp(V::splat(x)).lanes()[0];
    let mut worst = 0.0f64;
    for i in -87_000..87_000 {
        let x = i as f32 / 1000.0;
        let want = (x as f64).exp();
        worst = worst.max((exp(x) as f64 / want - 1.0).abs());
    }
    assert!(worst < 2e-7, "relative error {worst:.2e}");
    assert_eq!(exp(0.0), 1.0);
    assert!(exp(f32::NAN).is_nan());
    assert!(exp(f32::NEG_INFINITY) < 1e-37 && exp(f32::INFINITY) > 1e38);
}
