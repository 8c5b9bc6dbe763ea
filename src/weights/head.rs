//! The weights of a head and of dense modules, in f32: they are computed for a row or two of a text, so that their cost is nothing beside the
//! encoder's.

use crate::arch::{self, HeadActivation, HeadConfig, HeadLayer};
use crate::error::{Error, Result};
use crate::format::ModelFile;
use crate::model::Norm;

/// A head, ready to be computed.
#[derive(Clone, Debug)]
pub struct Head {
    /// What its file says of it.
    pub config: HeadConfig,
    layers: Layers,
}

/// Matrices one behind the other, each with what follows it.
#[derive(Clone, Debug, Default)]
pub struct Layers(Vec<Layer>);

#[derive(Clone, Debug)]
struct Layer {
    /// Row by row.
    weight: Vec<f32>,
    bias: Vec<f32>,
    then: HeadActivation,
    /// Epsilon, weight and bias of a LayerNorm.
    norm: Option<(f32, Vec<f32>, Vec<f32>)>,
}

impl Head {
    /// Finds the head of a model file, which reads rows `width` wide; `None` where the class has none.
    ///
    /// # Errors
    /// Those of [`Layers::load`] and [`arch::head`].
    pub fn load(file: &ModelFile, width: usize) -> Result<Option<Head>> {
        let Some(config) = arch::head(file)? else { return Ok(None) };
        let last = config.layers.len().saturating_sub(1);
        let outputs = |i: usize| if i == last { config.labels.len() } else { width };
        let layers = config.layers.iter().cloned().enumerate().map(|(i, layer)| (layer, outputs(i))).collect();
        let layers = Layers::load(file, layers, width)?;
        Ok(Some(Head { config, layers }))
    }

    /// The outputs for a row of the encoder.
    pub fn logits(&self, row: &[f32]) -> Vec<f32> {
        self.layers.apply(row)
    }
}

impl Layers {
    /// Finds the weights of layers, given with how many numbers each gives; the first reads rows `width` wide.
    ///
    /// # Errors
    /// `Weights` names every tensor that is missing or has another shape.
    pub fn load(file: &ModelFile, layers: Vec<(HeadLayer, usize)>, mut width: usize) -> Result<Layers> {
        let mut problems = Vec::new();
        // What is not there adds nothing.
        let mut tensor = |name: &str, kind: &str, shape: &[usize], is_there: bool| {
            if !is_there {
                return vec![0.0; shape.iter().product()];
            }
            let name = format!("{name}.{kind}");
            let found = file.tensor(&name);
            let found = found.filter(|tensor| {
                let fits = tensor.shape == shape;
                if !fits {
                    problems.push(format!("{name}: shape {:?}, expected {shape:?}", tensor.shape));
                }
                fits
            });
            let Some(tensor) = found else {
                if file.tensor(&name).is_none() {
                    problems.push(format!("{name}: missing"));
                }
                return Vec::new();
            };
            let mut values = vec![0.0; shape.iter().product()];
            tensor.dtype.decode(&tensor.data, &mut values);
            values
        };
        let mut load = |(layer, rows): (HeadLayer, usize)| {
            let cols = std::mem::replace(&mut width, rows);
            let weight = tensor(&layer.name, "weight", &[rows, cols], true);
            let bias = tensor(&layer.name, "bias", &[rows], layer.bias);
            let norm = layer.norm.map(|(name, norm)| {
                let (Norm::Layer { eps } | Norm::Unbiased { eps } | Norm::Rms { eps }) = norm;
                let weight = tensor(name, "weight", &[rows], true);
                (eps, weight, tensor(name, "bias", &[rows], matches!(norm, Norm::Layer { .. })))
            });
            Layer { weight, bias, then: layer.then, norm }
        };
        let layers = layers.into_iter().map(&mut load).collect();
        if problems.is_empty() { Ok(Layers(layers)) } else { Err(Error::Weights { problems }) }
    }

    /// What the last layer gives for a row; sums in f64.
    pub fn apply(&self, row: &[f32]) -> Vec<f32> {
        let mut x = row.to_vec();
        for Layer { weight, bias, then, norm } in &self.0 {
            let out = |(row, bias): (&[f32], &f32)| {
                let sum = dot(row, &x) + f64::from(*bias);
                let out = match then {
                    HeadActivation::None => sum,
                    HeadActivation::Tanh => sum.tanh(),
                    HeadActivation::Relu => sum.max(0.0),
                    HeadActivation::Gelu => 0.5 * sum * (1.0 + erf(sum * std::f64::consts::FRAC_1_SQRT_2)),
                };
                out as f32
            };
            x = weight.chunks_exact(x.len().max(1)).zip(bias).map(out).collect();
            if let Some((eps, weight, bias)) = norm {
                let n = x.len() as f64;
                let mean = x.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
                let variance = x.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / n;
                let scale = 1.0 / (variance + f64::from(*eps)).sqrt();
                for ((x, w), b) in x.iter_mut().zip(weight).zip(bias) {
                    *x = ((f64::from(*x) - mean) * scale) as f32 * w + b;
                }
            }
        }
        x
    }
}

/// In several sums at once: each would wait for itself, and a dense module has millions of terms.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    const LANES: usize = 4;
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0f64; LANES];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += f64::from(*a) * f64::from(*b);
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(a, b)| f64::from(*a) * f64::from(*b));
    sums.iter().sum::<f64>() + rest.sum::<f64>()
}

/// The error function within 1.5e-7 (Abramowitz and Stegun, "Handbook of Mathematical Functions", 7.1.26).
fn erf(x: f64) -> f64 {
    const TERMS: [f64; 5] = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592];
    let t = 1.0 / (1.0 + 0.3275911 * x.abs());
    let sum = TERMS.iter().fold(0.0, |sum, term| (sum + term) * t);
    (1.0 - sum * (-x * x).exp()).copysign(x)
}
