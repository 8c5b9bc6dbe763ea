//! Plans of a test's own making: inputs of any shape, any operations, held against the f64 reference step by step.

use super::lane::open;
use crate::reference::model as reference;
use crate::support::compare::assert_close;
use crate::support::inputs::{self, Pattern};
use crate::support::models::tiny_gpt2;
use nanolm::gpu::GpuOptions;
use nanolm::model::plan::{BufferSpec, MatrixSpec, VectorSpec};
use nanolm::model::{Batch, BufferId, LogitRows, MatrixId, ModelConfig, Op, Plan, RowIds, Step, VectorId};
use nanolm::tensor::{Bytes, DType};
use nanolm::weights::{Layout, Matrix, Weights};
use std::sync::Arc;

pub const DTYPES: [DType; 5] = [DType::F32, DType::F16, DType::BF16, DType::Q8_0, DType::Q4_0];

/// A plan in the making. Its inputs are rows of F32 embedding tables, so token `t` means row `t` of each input.
pub struct Builder {
    rows: usize,
    seed: u64,
    plan: Plan,
    weights: Weights,
}

impl Builder {
    /// Inputs have `rows` rows.
    pub fn new(rows: usize) -> Builder {
        let config = ModelConfig { n_vocab: rows, ..tiny_gpt2() };
        let plan = Plan {
            config,
            matrices: Vec::new(),
            vectors: Vec::new(),
            buffers: Vec::new(),
            steps: Vec::new(),
            source_steps: 0,
            output: BufferId(0),
        };
        Builder { rows, seed: 1, plan, weights: Weights { matrices: Vec::new(), vectors: Vec::new() } }
    }

    pub fn buffer(&mut self, width: usize) -> BufferId {
        self.plan.buffers.push(BufferSpec { name: "test", width });
        BufferId(self.plan.buffers.len() - 1)
    }

    pub fn seed(&mut self) -> u64 {
        self.seed += 1;
        self.seed
    }

    /// A buffer that holds rows of the pattern.
    pub fn input(&mut self, pattern: Pattern, width: usize) -> BufferId {
        let seed = self.seed();
        let values = inputs::rows(pattern, self.rows, width, seed);
        self.input_of(values, width)
    }

    fn input_of(&mut self, values: Vec<f32>, width: usize) -> BufferId {
        let data = Bytes::new(values.iter().flat_map(|v| v.to_le_bytes()).collect());
        let name = format!("input {width}");
        let table =
            self.given(Matrix { name, dtype: DType::F32, rows: self.rows, cols: width, data, layout: Layout::Rows });
        let out = self.buffer(width);
        self.step(format!("input {width}"), Op::Embed { table, ids: RowIds::Tokens, out });
        out
    }

    /// The same, with rows that rounding by blocks of 32 to integers of at most `largest_code` changes no more. Their width is
    /// whole blocks. The model is one that may be rounded so.
    pub fn rounded_input(&mut self, pattern: Pattern, width: usize, largest_code: f32) -> BufferId {
        self.plan.config.d_model = 256;
        let seed = self.seed();
        let mut values = inputs::rows(pattern, self.rows, width, seed);
        for block in values.chunks_mut(32) {
            let largest = block.iter().fold(0.0f32, |most, x| most.max(x.abs()));
            let scale = largest / largest_code;
            let round = |x: f32| if scale > 0.0 { (x / scale).round() * scale } else { 0.0 };
            block.iter_mut().for_each(|x| *x = round(*x));
        }
        self.input_of(values, width)
    }

    /// A random matrix.
    pub fn matrix(&mut self, dtype: DType, rows: usize, cols: usize, deviation: f32) -> MatrixId {
        let seed = self.seed();
        self.given(inputs::matrix("test matrix", dtype, rows, cols, deviation, seed))
    }

    pub fn given(&mut self, matrix: Matrix) -> MatrixId {
        let (name, rows, cols) = (matrix.name.clone(), matrix.rows, matrix.cols);
        self.plan.matrices.push(MatrixSpec { name, rows, cols });
        self.weights.matrices.push(matrix);
        MatrixId(self.plan.matrices.len() - 1)
    }

    pub fn vector(&mut self, pattern: Pattern, len: usize) -> VectorId {
        let seed = self.seed();
        self.plan.vectors.push(VectorSpec { name: "test vector".to_string(), len });
        self.weights.vectors.push(inputs::rows(pattern, 1, len, seed));
        VectorId(self.plan.vectors.len() - 1)
    }

    pub fn vector_of(&mut self, values: Vec<f32>) -> VectorId {
        self.plan.vectors.push(VectorSpec { name: "test vector".to_string(), len: values.len() });
        self.weights.vectors.push(values);
        VectorId(self.plan.vectors.len() - 1)
    }

    pub fn step(&mut self, name: String, op: Op) {
        self.plan.steps.push(Step { name, op });
    }

    /// Runs the batches, each given by its position and length, and holds every step against the reference, within the
    /// limit of its operation.
    pub async fn check(mut self, options: GpuOptions, batches: &[(usize, usize)]) {
        let x = self.plan.steps.iter().rev().find_map(|step| step.op.out()).unwrap();
        let out = self.buffer(self.plan.buffers[x.0].width);
        self.step("select".to_string(), Op::SelectRows { x, out });
        self.plan.output = out;
        let (plan, weights) = (Arc::new(self.plan), self.weights);
        let Some(mut model) = open(&plan, &weights, options).await else { return };
        let mut cache = model.new_cache(self.rows).await.unwrap();
        let mut reference_cache = reference::Cache::default();
        for &(position, n) in batches {
            let tokens: Vec<u32> = (position as u32..(position + n) as u32).collect();
            let batch = Batch { tokens: &tokens, position, logits: LogitRows::All };
            let mut want = Vec::new();
            reference::forward(&plan, &weights, &mut reference_cache, batch, &mut |name, x| {
                want.push((name.to_string(), x.to_vec()));
            });
            let mut want = want.into_iter();
            let (mut logits, mut last) = (Vec::new(), Vec::new());
            let mut observe = |step: &Step, got: &[f32]| {
                let (name, want) = want.next().unwrap();
                assert_eq!(name, step.name);
                match step.op {
                    // It selects what the step before it wrote, rounding errors and all.
                    Op::SelectRows { .. } => assert_eq!(got, last),
                    _ => assert_close("gpu", step.op.stem(), &format!("{name}, {n} at {position}"), got, &want),
                }
                last = got.to_vec();
            };
            model.forward_traced(&mut cache, batch, &mut logits, &mut observe).await.unwrap();
            assert!(want.next().is_none(), "steps are missing");
            assert_eq!(logits, last);
            // One submit for everything gives the same bits.
            model.forward(&mut cache, batch, &mut logits).await.unwrap();
            assert_eq!(logits, last, "{n} at {position}: forward differs from forward_traced");
        }
    }
}
