//! The weights of a head, in f32: it is computed for a row or two of a text, so that its cost is nothing beside the encoder's.

use crate::arch::{self, HeadActivation, HeadConfig};
use crate::error::{Error, Result};
use crate::format::ModelFile;

/// A head, ready to be computed.
#[derive(Clone, Debug)]
pub struct Head {
    /// What its file says of it.
    pub config: HeadConfig,
    layers: Vec<Layer>,
}

#[derive(Clone, Debug)]
struct Layer {
    /// Row by row.
    weight: Vec<f32>,
    bias: Vec<f32>,
    then: HeadActivation,
}

impl Head {
    /// Finds the head of a model file, which reads rows `width` wide; `None` where the class has none.
    ///
    /// # Errors
    /// `Weights` names every tensor that is missing or has another shape; those of [`arch::head`].
    pub fn load(file: &ModelFile, width: usize) -> Result<Option<Head>> {
        let Some(config) = arch::head(file)? else { return Ok(None) };
        let mut problems = Vec::new();
        let mut tensor = |name: String, shape: &[usize]| {
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
        let last = config.layers.len().saturating_sub(1);
        let layers = config.layers.iter().enumerate().map(|(i, (name, then))| {
            let rows = if i == last { config.labels.len() } else { width };
            let weight = tensor(format!("{name}.weight"), &[rows, width]);
            Layer { weight, bias: tensor(format!("{name}.bias"), &[rows]), then: *then }
        });
        let layers = layers.collect();
        if problems.is_empty() { Ok(Some(Head { config, layers })) } else { Err(Error::Weights { problems }) }
    }

    /// The outputs for a row of the encoder; sums in f64.
    pub fn logits(&self, row: &[f32]) -> Vec<f32> {
        let mut x = row.to_vec();
        for Layer { weight, bias, then } in &self.layers {
            let sum = |(row, bias): (&[f32], &f32)| {
                let sum: f64 = row.iter().zip(&x).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum();
                let sum = sum + f64::from(*bias);
                let out = match then {
                    HeadActivation::None => sum,
                    HeadActivation::Tanh => sum.tanh(),
                    HeadActivation::Relu => sum.max(0.0),
                };
                out as f32
            };
            x = weight.chunks_exact(x.len().max(1)).zip(bias).map(sum).collect();
        }
        x
    }
}
