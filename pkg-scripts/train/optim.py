"""Muon for the matrices of the layers, AdamW for the embedding and the norms.

Muon (K. Jordan, 2024; "Muon is scalable", 2502.16982): the momentum of a matrix is replaced by the nearest
semi-orthogonal matrix, found by Newton-Schulz iterations. It reaches a given loss in clearly fewer tokens than AdamW,
and tokens are what a CPU is short of.
"""

import torch


def orthogonalize(g, steps=5):
    """The semi-orthogonal factor of g [R, C], by the quintic Newton-Schulz iteration, in bf16: its singular values need
    only be near 1, and in f32 it takes a third of a step."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g.float()
    x = (x / (x.norm() + 1e-7)).bfloat16()
    wide = x if x.shape[0] <= x.shape[1] else x.T
    for _ in range(steps):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return (wide if x.shape[0] <= x.shape[1] else wide.T).float()


class Muon(torch.optim.Optimizer):
    def __init__(self, params, lr, momentum=0.95, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(p)
                buffer = state["momentum"]
                buffer.lerp_(p.grad, 1 - group["momentum"])
                update = orthogonalize(p.grad.lerp(buffer, group["momentum"]))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update, alpha=-group["lr"] * max(1.0, p.shape[0] / p.shape[1]) ** 0.5)


def optimizers(model, muon_lr, embedding_lr, norm_lr):
    """(Muon over the layers' matrices, AdamW over the embedding and the norms)."""
    matrices = [p for p in model.blk.parameters() if p.dim() == 2]
    norms = [p for p in model.parameters() if p.dim() == 1]
    adam = torch.optim.AdamW(
        [{"params": [model.token_embd.weight], "lr": embedding_lr}, {"params": norms, "lr": norm_lr}],
        betas=(0.9, 0.97), eps=1e-10, weight_decay=0.0,
    )
    return Muon(matrices, muon_lr), adam
