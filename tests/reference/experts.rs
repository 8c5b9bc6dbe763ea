//! Mixtures of experts.

use super::{elementwise, matrix};
use nanolm::model::Activation;
use nanolm::weights::Matrix;

/// The softmax of each row of `x: [n, n_experts]`, of which only the `n_used` largest stay (of equal ones the first), divided by their sum
/// where `normalise`.
pub fn route(x: &[f64], n_experts: usize, n_used: usize, normalise: bool) -> Vec<f64> {
    let mut out = Vec::with_capacity(x.len());
    for x in x.chunks(n_experts) {
        let mut order: Vec<usize> = (0..n_experts).collect();
        order.sort_by(|&a, &b| x[b].partial_cmp(&x[a]).unwrap().then(a.cmp(&b)));
        let share = |e: usize| (x[e] - x[order[0]]).exp();
        let counted = if normalise { n_used } else { n_experts };
        let sum: f64 = order[..counted].iter().map(|e| share(*e)).sum();
        let taken = &order[..n_used];
        out.extend((0..n_experts).map(|e| if taken.contains(&e) { share(e) / sum } else { 0.0 }));
    }
    out
}

/// `out[i] = sum_e(routes[i, e] * down_e(activation(gate_e(x[i])) * up_e(x[i])))`; gates, ups and downs in this order.
pub fn experts(x: &[f64], routes: &[f64], experts: [&[Matrix]; 3], activation: Activation) -> Vec<f64> {
    let [gate, up, down] = experts;
    let mut out = vec![0.0; x.len()];
    for (e, gate) in gate.iter().enumerate() {
        let hidden = [gate, &up[e]].map(|matrix| matrix::linear(x, matrix, None));
        let hidden = elementwise::gated_activation(&hidden[0], &hidden[1], activation);
        let y = matrix::linear(&hidden, &down[e], None);
        for (i, (out, y)) in out.iter_mut().zip(y).enumerate() {
            *out += routes[i / gate.cols * experts[0].len() + e] * y;
        }
    }
    out
}
