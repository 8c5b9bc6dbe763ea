"""Copying laid into the initial weights, because there is no time for it to be found.

Summaries repeat the text, and what repeats text in a decoder is the induction circuit (2209.11895): a head that looks one
token back, and in a later layer a head that looks for places whose previous token is the current one and copies what
stands there. Trained from random weights it appears only after far more tokens than a CPU can give. Here the network
starts with a rough one, and with a head that finds the same token again (the mark of a sentence in the task tail finds
that mark in the text), and heads that gather the last couple of dozen tokens, about a sentence, into its mark. Training
keeps, sharpens or overwrites them like any weights.

The residual stream starts with fixed places: one constant dimension (from which heads can attend by position), CODE
dimensions for a random code of the current token and CODE for the previous one. All other outputs of layers start at 0.
"""

import math

import torch

CODE = 16
CONSTANT, CURRENT, PREVIOUS, FREE = 0, 1, 1 + CODE, 1 + 2 * CODE
CONSTANT_VALUE = 3.5
CODE_SCALE = 1.5
# Amplitudes of the four fastest rotary pairs in the positional heads, as attention scores at the peak.
POSITION_SCORES = (10.0, 5.0, 4.0, 4.0)
MATCH_SCORE = 18.0
COPY_SCALE = 5.0
# Rotary pair: attention score at distance 0 of the gathering heads. Together about 11 there, 9 at 18 tokens, 4 at 40.
GATHER_SCORES = {3: 2.0, 4: 4.0, 5: 3.0, 6: 2.0}
GATHER_LAYERS = (3, 4)


def _orthogonal_rows(rows, columns, generator):
    q, _ = torch.linalg.qr(torch.randn(columns, rows, generator=generator))
    return q.T


@torch.no_grad()
def lay(model, seed):
    """Overwrite parts of the freshly initialised weights of `model`."""
    c = model.config
    generator = torch.Generator().manual_seed(seed)
    e = c.head_dim
    if c.n_heads < 2 * c.n_kv_heads or c.n_layers < 4:
        raise ValueError("circuits: needs two query heads on one key-value head and four layers")
    embedding = model.token_embd.weight
    spread = float(embedding.std())
    embedding[:, CONSTANT] = CONSTANT_VALUE
    embedding[:, CURRENT:FREE] = 0.0
    for layer in model.blk:
        layer.attn_output.weight.zero_()
        layer.ffn_down.weight.zero_()
    free = c.d_model - FREE
    power = CONSTANT_VALUE**2 + free * spread**2  # squared length of the residual stream

    # Layer 0: query head 0 attends to its own position, head 1 to the one before; both carry the token's code.
    first = model.blk[0]
    scale = (power / c.d_model) ** 0.5
    constant = CONSTANT_VALUE / scale
    for head in (0, 1):
        first.attn_q.weight[head * e : (head + 1) * e] = 0.0
    first.attn_k.weight[:e] = 0.0
    for pair, score in enumerate(POSITION_SCORES):
        amplitude = (score * e**0.5) ** 0.5 / constant
        angle = c.rope_base ** (-pair / (e // 2))
        first.attn_k.weight[2 * pair, CONSTANT] = amplitude
        first.attn_q.weight[2 * pair, CONSTANT] = amplitude
        first.attn_q.weight[e + 2 * pair, CONSTANT] = amplitude * math.cos(angle)
        first.attn_q.weight[e + 2 * pair + 1, CONSTANT] = -amplitude * math.sin(angle)
    first.attn_v.weight[:CODE] = 0.0
    first.attn_v.weight[:CODE, FREE:] = _orthogonal_rows(CODE, free, generator)
    identity = torch.eye(CODE) * CODE_SCALE
    first.attn_output.weight[CURRENT : CURRENT + CODE, :CODE] = identity
    first.attn_output.weight[PREVIOUS : PREVIOUS + CODE, e : e + CODE] = identity
    code = CODE_SCALE * spread / scale
    power += 2 * CODE * code**2

    # Layers 1 and 2: query head 0 matches the current code with previous codes and copies 32 dimensions of the token.
    # Layer 3: query head 0 matches current codes. Matching uses the slowest rotary pairs, which distance hardly turns.
    for index, keys in ((1, PREVIOUS), (2, PREVIOUS), (3, CURRENT)):
        layer = model.blk[index]
        scale = (power / c.d_model) ** 0.5
        strength = (MATCH_SCORE * e**0.5 / (CODE * (code / scale) ** 2)) ** 0.5
        layer.attn_q.weight[:e] = 0.0
        layer.attn_k.weight[:e] = 0.0
        for i in range(CODE):
            layer.attn_q.weight[e - CODE + i, CURRENT + i] = strength
            layer.attn_k.weight[e - CODE + i, keys + i] = strength
        if keys == PREVIOUS:
            rows = _orthogonal_rows(e, free, generator)
            layer.attn_v.weight[:e] = 0.0
            layer.attn_v.weight[:e, FREE:] = rows
            layer.attn_output.weight[FREE:, :e] = COPY_SCALE * rows.T
            power += e * (COPY_SCALE * spread / scale) ** 2

    constant = CONSTANT_VALUE / (power / c.d_model) ** 0.5
    for index in GATHER_LAYERS:
        gather(model, index, constant)


@torch.no_grad()
def gather(model, index, constant):
    """In layer `index`, make the first query head of the last key-value head attend softly to the tokens just before.

    `constant`: value of the constant dimension after the layer's norm.
    """
    c = model.config
    e, layer = c.head_dim, model.blk[index]
    query = (c.n_kv_heads - 1) * (c.n_heads // c.n_kv_heads) * e
    key = (c.n_kv_heads - 1) * e
    layer.attn_q.weight[query : query + e] = 0.0
    for pair, score in GATHER_SCORES.items():
        rows = slice(key + 2 * pair, key + 2 * pair + 2)
        layer.attn_k.weight[rows] = 0.0
        amplitude = (score * e**0.5) ** 0.5 / constant
        layer.attn_k.weight[key + 2 * pair, CONSTANT] = amplitude
        layer.attn_q.weight[query + 2 * pair, CONSTANT] = amplitude
