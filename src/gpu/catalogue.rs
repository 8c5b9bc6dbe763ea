//! Every kernel with every part, with constants that stand for all: what tests validate without a GPU.

use super::choose;
use super::fused::dots::NormKind;
use super::fused::{embed as fused_embed, feed, post_norm, project, qkv};
use super::kernel::{Kernel, SOFTWARE_WORKGROUP, WORKGROUP};
use super::ops::attention::Kind;
use super::ops::{
    activation, add, attention, embed, gated_activation, layer_norm, linear, position_embed, rms_norm, rope, scale,
    select_rows, short_conv, soft_cap, store_kv,
};
use super::quant::Stored;
use super::sums::Sums;
use super::team::Team;
use crate::model::Activation;

const ALL_SUMS: [Sums; 3] = [Sums::Memory, Sums::Subgroups(4), Sums::Subgroups(32)];

/// The kernels.
pub fn catalogue() -> Vec<Kernel> {
    let mut kernels = vec![rope::kernel(), add::kernel(), select_rows::kernel(), scale::kernel(), soft_cap::kernel()];
    Stored::all().for_each(|stored| of_weights(stored, &mut kernels));
    Stored::all().for_each(|stored| fused(stored, &mut kernels));
    for kind in [Activation::Silu, Activation::GeluTanh, Activation::Gelu, Activation::Relu] {
        kernels.push(activation::kernel(kind));
        kernels.push(gated_activation::kernel(kind));
    }
    kernels.extend([false, true].map(short_conv::kernel));
    for head_dim in [1, 5, 48, 64, 128, 300] {
        for half_kv in [false, true] {
            kernels.push(store_kv::kernel(head_dim, half_kv));
            for (software, sums) in [false, true].into_iter().flat_map(|s| ALL_SUMS.map(|sums| (s, sums))) {
                let of = |splits| attention::kernel(Kind::plain(head_dim, half_kv), software, splits, sums);
                kernels.extend([1, 8].map(of));
            }
            kernels.extend(attention::alone(Kind::plain(head_dim, half_kv)));
            for (causal, window, capped) in [(true, Some(7), true), (false, None, false), (false, Some(512), true)] {
                let kind = Kind { head_dim, half_kv, causal, window, capped };
                kernels.extend([1, 8].map(|splits| attention::kernel(kind, false, splits, Sums::Memory)));
                kernels.extend(attention::alone(kind));
            }
        }
    }
    for (workgroup, sums) in [WORKGROUP, SOFTWARE_WORKGROUP].into_iter().flat_map(|w| ALL_SUMS.map(|sums| (w, sums))) {
        kernels.push(rms_norm::kernel(workgroup, sums));
        kernels.push(post_norm::kernel(workgroup, sums));
        kernels.push(layer_norm::kernel(workgroup, sums));
        kernels.push(choose::kernel(if workgroup == WORKGROUP { 2 * workgroup } else { workgroup }, sums));
    }
    kernels
}

/// Those of single operations that read weights.
fn of_weights(stored: Stored, kernels: &mut Vec<Kernel>) {
    kernels.push(embed::kernel(stored));
    kernels.push(fused_embed::kernel(stored));
    kernels.push(position_embed::kernel(stored));
    kernels.push(linear::gemm(stored));
    kernels.push(linear::gemm_alone(stored));
    kernels.extend(linear::gemm_packed(stored));
    kernels.push(linear::gemm_half(stored));
    for sums in ALL_SUMS {
        kernels.extend([8, 32].map(|size| linear::matvec(stored, Team { size, sums })));
    }
    kernels.push(linear::matvec(stored, Team { size: 1, sums: Sums::Memory }));
}

/// The fused products.
fn fused(stored: Stored, kernels: &mut Vec<Kernel>) {
    use Activation::{Gelu, GeluTanh, Silu};
    let all = [(1, Sums::Memory), (8, Sums::Memory), (8, Sums::Subgroups(32)), (32, Sums::Subgroups(4))];
    for team in all.map(|(size, sums)| Team { size, sums }) {
        for norm in [NormKind::Rms, NormKind::Layer] {
            for half_kv in [false, true] {
                kernels.extend([None, Some(64)].map(|heads| qkv::kernel(stored, norm, team, half_kv, heads)));
            }
            for (activation, gated) in [(Silu, true), (GeluTanh, true), (GeluTanh, false), (Gelu, false)] {
                kernels.push(feed::kernel(stored, norm, activation, gated, team));
            }
        }
        let merge = |window| NormKind::Merge { head: 12, splits: 11, columns: 72, window };
        let norms = [NormKind::None, NormKind::Rms, NormKind::Layer, merge(None), merge(Some(512))];
        kernels.extend(norms.map(|norm| project::kernel(stored, norm, team, false)));
        kernels.push(project::kernel(stored, NormKind::Rms, team, true));
    }
}
