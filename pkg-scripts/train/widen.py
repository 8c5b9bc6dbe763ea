"""The weights of a narrower model inside a wider one, so that the wider one begins with the same outputs.

The residual stream gets more dimensions, which start at 0: the embedding has nothing in them and no layer writes to them
yet. RMSNorm divides by the mean over all of them, so its weights shrink by sqrt(narrow / wide). Attention gets more query
heads in each group of a key-value head and the feed-forward block more hidden units; what they find is not written yet.
All that is read with random weights and written with zeros, as in residual nets that start as the identity (1901.09321):
gradients reach the writers at once, and the readers after them. Old weights keep their places in the blocks of 32, so
what Q4_0 stored of them stays exact.
"""

import torch


@torch.no_grad()
def widen(model, narrow, n_heads):
    """Put the tensors `narrow` {name: f32} of a model with `n_heads` heads, and as many layers and key-value heads of
    the same size, into the freshly initialised `model`."""
    c = model.config
    width = narrow["token_embd.weight"].shape[1]
    if n_heads * c.head_dim != narrow["blk.0.attn_q.weight"].shape[0] or f"blk.{c.n_layers}.attn_q.weight" in narrow:
        raise ValueError("widen: heads or layers differ in more than number of heads; expected the same head size and layers")
    group, old_group = c.n_heads // c.n_kv_heads, n_heads // c.n_kv_heads
    heads = [h // old_group * group + h % old_group for h in range(n_heads)]
    places = torch.tensor([h * c.head_dim + i for h in heads for i in range(c.head_dim)])
    shrink = (width / c.d_model) ** 0.5
    for name, new in model.named_parameters():
        old = narrow[name]
        if new.dim() == 1:
            new.fill_(float(old.mean()) * shrink)
            new[:width] = old * shrink
        elif name.endswith("attn_q.weight"):
            new[places, :width] = old
        elif name.endswith("attn_output.weight"):
            new.zero_()
            new[:width, places] = old
        else:
            if name.endswith(("token_embd.weight", "ffn_down.weight")):
                new.zero_()
            new[: old.shape[0], : old.shape[1]] = old
