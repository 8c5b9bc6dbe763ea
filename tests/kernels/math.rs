use nanolm::cpu::{simd::Vector, simd::math};

at_every_level!(exp_keeps_its_documented_error, tanh_keeps_its_documented_error, every_finite_binary16_is_exact);

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

fn tanh_keeps_its_documented_error<V: Vector>() {
    let tanh = |x: f32| math::tanh(V::splat(x)).lanes()[0];
    let mut worst = 0.0f64;
    let small = (1..2000).map(|i| i as f32 * 1e-5);
    for x in small.chain((1..20_000).map(|i| i as f32 / 1000.0)) {
        for x in [x, -x] {
            worst = worst.max((tanh(x) as f64 / (x as f64).tanh() - 1.0).abs());
        }
    }
    assert!(worst < 5e-7, "relative error {worst:.2e}");
    assert_eq!([tanh(0.0), tanh(-1e30), tanh(1e30)], [0.0, -1.0, 1.0]);
}

fn every_finite_binary16_is_exact<V: Vector>() {
    for first in (0..=u16::MAX).step_by(4) {
        let halves = [first, first + 1, first + 2, first + 3];
        let bytes: Vec<u8> = halves.iter().flat_map(|h| h.to_le_bytes()).collect();
        let loaded = V::from_f16(bytes.as_slice().try_into().unwrap()).lanes();
        for (i, half) in halves.into_iter().enumerate() {
            let (got, want) = (loaded[i], half::f16::from_bits(half).to_f32());
            assert!(got.to_bits() == want.to_bits() || !want.is_finite(), "{half:#x}: {got}, {want}");
        }
    }
}
