use crate::reference::matrix;
use crate::support::compare::assert_close;
use crate::support::inputs;
use nanolm::cpu::{ops::embed, simd::Vector};
use nanolm::tensor::{Bytes, DType};
use nanolm::weights::{Codes, Layout, Matrix};

pub const DTYPES: [DType; DType::ALL.len()] = DType::ALL;

at_every_level!(looks_up, every_finite_half_is_exact);

fn looks_up<V: Vector>() {
    for dtype in DTYPES {
        for width in [1, 3, 6, 32, 33, 96, 512].into_iter().filter(|&w| dtype.bytes_for(w).is_some()) {
            let table = inputs::matrix("table", dtype, 10, width, 1.0, 8);
            let tokens = [9, 0, 0, 5, 3];
            let mut out = vec![f32::NAN; tokens.len() * width];
            embed::run::<V>(&table, &tokens, &mut Vec::new(), &mut out);
            let mut of_panels = vec![f32::NAN; out.len()];
            embed::run::<V>(&inputs::in_panels(&table, Codes::Unsigned), &tokens, &mut Vec::new(), &mut of_panels);
            assert_eq!(out, of_panels, "{dtype} {width}");
            // A block's value is an f32 product of its scale and a small integer.
            let want: Vec<f64> = matrix::embed(&table, &tokens).into_iter().map(|x| x as f32 as f64).collect();
            assert_close("cpu", "embed", &format!("{dtype} {width}"), &out, &want);
        }
    }
}

fn every_finite_half_is_exact<V: Vector>() {
    for dtype in [DType::F16, DType::BF16] {
        let data = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
        let table =
            Matrix { name: "all".into(), dtype, rows: 1, cols: 1 << 16, data: Bytes::new(data), layout: Layout::Rows };
        let mut out = vec![0.0; 1 << 16];
        embed::run::<V>(&table, &[0], &mut Vec::new(), &mut out);
        for (got, want) in out.into_iter().zip(matrix::dequantize(&table)) {
            if want.is_finite() {
                assert!(got as f64 == want, "{dtype}: got {got}, want {want}");
                assert_eq!(got.is_sign_negative(), want.is_sign_negative());
            }
        }
    }
}
