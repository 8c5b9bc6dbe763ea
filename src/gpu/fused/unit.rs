//! What a single token's pass does at once.

use crate::gpu::ops::attention::Shape;
use crate::model::{Activation, BufferId, MatrixId, Rope, VectorId};

/// A matrix and the bias that is added to its products.
pub type Weighted = (MatrixId, Option<VectorId>);

/// A norm: a layer norm where it has a bias, else RMS.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Norm {
    pub weight: VectorId,
    pub bias: Option<VectorId>,
    pub eps: f32,
}

/// An RMS norm of each head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeadNorm {
    pub q: VectorId,
    pub k: VectorId,
    pub eps: f32,
}

/// Norm, q, k, v, rotation and cache of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Qkv {
    pub x: BufferId,
    pub norm: Norm,
    /// Of q, k and v.
    pub weights: [Weighted; 3],
    /// What is done to each head of q and k before they are rotated.
    pub head_norm: Option<HeadNorm>,
    pub rope: Option<(Rope, Option<VectorId>)>,
    pub layer: usize,
    pub q: BufferId,
}

/// The attention of a layer, split over workgroups.
#[derive(Clone, Debug, PartialEq)]
pub struct Attend {
    pub q: BufferId,
    pub layer: usize,
    pub shape: Shape,
}

/// What merging a split attention depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Merge {
    /// Elements of a head.
    pub head_dim: usize,
    /// As of the attention.
    pub window: Option<usize>,
}

/// Norm, product and residual: each but the product where there is one.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    pub x: BufferId,
    pub norm: Option<Norm>,
    /// x is what a split attention leaves to be merged.
    pub merge: Option<Merge>,
    pub weight: Weighted,
    pub residual: Option<BufferId>,
    /// A soft cap on the results.
    pub soft_cap: Option<f32>,
    pub out: BufferId,
}

/// The norm of what a block gives, and the sum behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct PostNorm {
    pub x: BufferId,
    pub weight: VectorId,
    pub eps: f32,
    pub residual: BufferId,
    pub out: BufferId,
}

/// Norm, the feed-forward's first matrix or two, and its activation.
#[derive(Clone, Debug, PartialEq)]
pub struct Feed {
    pub x: BufferId,
    pub norm: Norm,
    pub gate: Option<Weighted>,
    pub up: Weighted,
    pub activation: Activation,
    pub out: BufferId,
}

/// What one token's pass does at once.
#[derive(Clone, Debug, PartialEq)]
pub enum Unit {
    /// A step alone.
    Step(usize),
    /// Token and position embeddings, added.
    Embed {
        tokens: MatrixId,
        positions: MatrixId,
        out: BufferId,
    },
    Qkv(Qkv),
    Attend(Attend),
    Project(Project),
    PostNorm(PostNorm),
    Feed(Feed),
}

impl Unit {
    /// The buffer that it writes; that of a step, the plan knows, and what a split attention gives is in none of the plan's.
    pub fn out(&self) -> Option<BufferId> {
        match self {
            Unit::Step(_) | Unit::Attend(_) => None,
            Unit::Embed { out, .. } => Some(*out),
            Unit::Qkv(qkv) => Some(qkv.q),
            Unit::Project(project) => Some(project.out),
            Unit::PostNorm(post) => Some(post.out),
            Unit::Feed(feed) => Some(feed.out),
        }
    }

    /// Matrices that lie in common buffers.
    pub fn joined(&self) -> Vec<MatrixId> {
        match self {
            Unit::Step(_) | Unit::Attend(_) | Unit::Project(_) | Unit::PostNorm(_) => Vec::new(),
            Unit::Embed { tokens, positions, .. } => vec![*tokens, *positions],
            Unit::Qkv(qkv) => qkv.weights.iter().map(|(id, _)| *id).collect(),
            Unit::Feed(feed) => feed.gate.iter().chain([&feed.up]).map(|(id, _)| *id).collect(),
        }
    }
}
