"""The default model in PyTorch: a Llama decoder small enough for two CPU cores, and its training step over shared prefixes.

RMSNorm (1910.07467), rotary positions (2104.09864) in the interleaved layout (dimensions 2i and 2i+1 rotate together),
grouped-query attention (2305.13245), SwiGLU (2002.05202), tied embeddings, no biases. Shapes: B rows, P prefix tokens,
T tail tokens, D = d_model, H heads, K key-value heads, E = head_dim.

A training row is one text (the prefix) and several task tails. Every tail continues the prefix directly and sees no other
tail, which is what happens in the engine, where one prefill serves all the tasks: so one pass over a text teaches the
language model on the text and every task on it.
"""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import nn

EMBEDDING_STD, OUTPUT_GAIN = 0.5, 0.1


@dataclass
class Config:
    """Hyperparameters; the names are those of the engine's `ModelConfig`."""

    vocab_size: int = 6144
    d_model: int = 256
    d_ff: int = 512
    n_layers: int = 6
    n_heads: int = 8
    n_kv_heads: int = 2
    head_dim: int = 32
    context_len: int = 1024
    rope_base: float = 1000000.0
    norm_eps: float = 1e-5

    def to_dict(self):
        return asdict(self)


def rope_tables(config):
    """cos and sin, both [context_len, head_dim / 2], f32."""
    half = config.head_dim // 2
    rates = config.rope_base ** (-torch.arange(half, dtype=torch.float32) / half)
    angles = torch.arange(config.context_len, dtype=torch.float32)[:, None] * rates[None, :]
    return angles.cos(), angles.sin()


def rotate(x, cos, sin):
    """x: [B, N, heads, E]; cos, sin: [B or 1, N, 1, E / 2]. Interleaved pairs."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2).to(x.dtype)


class RmsNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        return F.rms_norm(x, (x.shape[-1],), self.weight, self.eps)


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        q, kv = c.n_heads * c.head_dim, c.n_kv_heads * c.head_dim
        self.attn_norm = RmsNorm(c.d_model, c.norm_eps)
        self.attn_q = nn.Linear(c.d_model, q, bias=False)
        self.attn_k = nn.Linear(c.d_model, kv, bias=False)
        self.attn_v = nn.Linear(c.d_model, kv, bias=False)
        self.attn_output = nn.Linear(q, c.d_model, bias=False)
        self.ffn_norm = RmsNorm(c.d_model, c.norm_eps)
        self.ffn_gate = nn.Linear(c.d_model, c.d_ff, bias=False)
        self.ffn_up = nn.Linear(c.d_model, c.d_ff, bias=False)
        self.ffn_down = nn.Linear(c.d_ff, c.d_model, bias=False)

    def forward(self, x, cos, sin, prefix_len, tail_mask):
        c = self.c
        b, n, _ = x.shape
        h = self.attn_norm(x)
        q = rotate(self.attn_q(h).view(b, n, c.n_heads, c.head_dim), cos, sin).transpose(1, 2)
        k = rotate(self.attn_k(h).view(b, n, c.n_kv_heads, c.head_dim), cos, sin).transpose(1, 2)
        v = self.attn_v(h).view(b, n, c.n_kv_heads, c.head_dim).transpose(1, 2)
        group = c.n_heads // c.n_kv_heads
        k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
        p = prefix_len
        parts = []
        if p > 0:
            parts.append(F.scaled_dot_product_attention(q[:, :, :p], k[:, :, :p], v[:, :, :p], is_causal=True))
        if n > p:
            parts.append(F.scaled_dot_product_attention(q[:, :, p:], k, v, attn_mask=tail_mask))
        out = torch.cat(parts, dim=2) if len(parts) > 1 else parts[0]
        x = x + self.attn_output(out.transpose(1, 2).reshape(b, n, -1))
        h = self.ffn_norm(x)
        return x + self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h))


class Model(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.token_embd = nn.Embedding(config.vocab_size, config.d_model)
        self.blk = nn.ModuleList(Layer(config) for _ in range(config.n_layers))
        self.output_norm = RmsNorm(config.d_model, config.norm_eps)
        cos, sin = rope_tables(config)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        # A residual stream of size about 1, so that early steps of the layers do not drown it; the small gain of the
        # last norm keeps the logits of the tied embedding small.
        nn.init.normal_(self.token_embd.weight, std=EMBEDDING_STD)
        nn.init.constant_(self.output_norm.weight, OUTPUT_GAIN)
        for name, weight in self.named_parameters():
            if weight.dim() == 2 and "token_embd" not in name:
                deep = name.endswith(("attn_output.weight", "ffn_down.weight"))
                scale = (2 * config.n_layers) ** -0.5 if deep else 1.0
                nn.init.normal_(weight, std=scale * weight.shape[1] ** -0.5)

    def hidden(self, tokens, positions=None, prefix_len=None, tail_mask=None):
        """tokens: [B, P + T]; positions: [B, P + T] or None for 0..; tail_mask: [B, 1, T, P + T] bool. To [B, P + T, D]."""
        n = tokens.shape[1]
        if positions is None:
            cos, sin = self.cos[None, :n, None, :], self.sin[None, :n, None, :]
        else:
            cos, sin = self.cos[positions][:, :, None, :], self.sin[positions][:, :, None, :]
        x = self.token_embd(tokens)
        for layer in self.blk:
            x = layer(x, cos, sin, n if prefix_len is None else prefix_len, tail_mask)
        return self.output_norm(x)

    def logits(self, hidden):
        return F.linear(hidden, self.token_embd.weight)

    def forward(self, tokens):
        """Plain causal logits, [B, N, vocab]."""
        return self.logits(self.hidden(tokens))
