"""Running a GGUF file the way the engine does, in f32: what the golden values and the weights beside the network are made
with, and what `evaluate` holds the engine against. Slow and plain on purpose.

With `rounded=True` activations are rounded before every product with quantised weights as the engine rounds them for models of
this width (`ModelConfig::rounds_coarsely`): in blocks of 32, to whole multiples of a step of which the largest element has
as many as the weights' type allows. What falls between two steps may go either way, so that a single such number differs from the
engine's now and then, and all that comes of it by a little.
"""

import json
import math
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

import engine
import gguf_file
from model import rope_tables, rotate


def tokenizer_of(metadata):
    """The tokenizer rebuilt from GGUF metadata alone."""
    tokens = metadata["tokenizer.ggml.tokens"]
    merges = [tuple(m.split(" ")) for m in metadata["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    control = [t for t, kind in zip(tokens, metadata["tokenizer.ggml.token_type"]) if kind == 3]
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in control])
    return tokenizer


# The engine's `COARSE`: steps to the largest activation of a block, by the type of the weights.
STEPS = {gguf_file.Q4_0: 127.0, gguf_file.Q8_0: 63.0}


def to_steps(x, steps):
    """x: [..., 32 n], each 32 rounded to multiples of the largest of them / `steps`."""
    blocks = x.unflatten(-1, (-1, 32))
    step = blocks.abs().amax(-1, keepdim=True) / steps
    return ((blocks / step.clamp(min=1e-30)).round() * step).flatten(-2)


class Runner:
    def __init__(self, path, rounded=False):
        metadata, tensors, kinds = gguf_file.read(path)
        self.steps = {name: STEPS[kind] for name, kind in kinds.items() if rounded and kind in STEPS}
        self.w = {name: torch.from_numpy(value.copy()) for name, value in tensors.items()}
        self.tasks = json.loads(metadata["nanolm.tasks"])
        self.tokenizer = tokenizer_of(metadata)
        get = lambda key: metadata[f"llama.{key}"]
        self.n_layers, self.context_len = get("block_count"), get("context_length")
        self.heads, self.kv_heads = get("attention.head_count"), get("attention.head_count_kv")
        self.head_dim, self.eps = get("attention.key_length"), get("attention.layer_norm_rms_epsilon")
        self.cos, self.sin = rope_tables(SimpleNamespace(head_dim=self.head_dim, rope_base=get("rope.freq_base"), context_len=self.context_len))
        self.marks = [self.id(m) for m in self.tasks["sentence"]]

    def id(self, token):
        return self.tokenizer.token_to_id(token)

    @torch.no_grad()
    def forward(self, tokens, cache):
        """tokens: list of n ids continuing `cache`; returns hidden [n, D] after the last norm. Extends `cache` in place."""
        n, past = len(tokens), cache[0][0].shape[1] if cache else 0
        if past + n > self.context_len:
            raise ValueError(f"runner: {past + n} tokens exceed the context of {self.context_len}; give a shorter text")
        if not cache:
            empty = torch.zeros(self.kv_heads, 0, self.head_dim)
            cache.extend([empty, empty] for _ in range(self.n_layers))
        cos, sin = self.cos[None, past : past + n, None], self.sin[None, past : past + n, None]
        mask = torch.ones(n, past + n, dtype=torch.bool).tril(past)
        x = self.w["token_embd.weight"][torch.tensor(tokens)]
        for i in range(self.n_layers):
            w = lambda name: self.w[f"blk.{i}.{name}.weight"]
            linear = lambda x, name: self.linear(x, f"blk.{i}.{name}.weight")
            h = F.rms_norm(x, (x.shape[-1],), w("attn_norm"), self.eps)
            q = rotate(linear(h, "attn_q").view(1, n, self.heads, self.head_dim), cos, sin)[0].transpose(0, 1)
            k = rotate(linear(h, "attn_k").view(1, n, self.kv_heads, self.head_dim), cos, sin)[0].transpose(0, 1)
            v = linear(h, "attn_v").view(n, self.kv_heads, self.head_dim).transpose(0, 1)
            k, v = torch.cat((cache[i][0], k), dim=1), torch.cat((cache[i][1], v), dim=1)
            cache[i] = [k, v]
            group = self.heads // self.kv_heads
            out = F.scaled_dot_product_attention(q, k.repeat_interleave(group, 0), v.repeat_interleave(group, 0), attn_mask=mask)
            x = x + linear(out.transpose(0, 1).reshape(n, -1), "attn_output")
            h = F.rms_norm(x, (x.shape[-1],), w("ffn_norm"), self.eps)
            x = x + linear(F.silu(linear(h, "ffn_gate")) * linear(h, "ffn_up"), "ffn_down")
        return F.rms_norm(x, (x.shape[-1],), self.w["output_norm.weight"], self.eps)

    def linear(self, x, name):
        """x: [n, columns of the weight] to [n, its rows]."""
        if name in self.steps:
            x = to_steps(x, self.steps[name])
        return x @ self.w[name].T

    def logits(self, hidden):
        return self.linear(hidden, "token_embd.weight")

    def encode(self, text):
        """Ids of plain text; control tokens written out in the text are not recognised."""
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def prefix(self, sentence_list):
        """(ids, count): the longest chunk of sentences from the start that was trained on."""
        ids, count = [self.id(self.tasks["text"])], 0
        for mark, sentence in zip(self.marks, sentence_list):
            piece = self.encode(" " + sentence) + [mark]
            if len(ids) + len(piece) > self.tasks["max_chunk_tokens"]:
                break
            ids += piece
            count += 1
        return ids, count

    @torch.no_grad()
    def measure(self, sentence_list):
        """What is known of each sentence of a text that fits a chunk: `engine.feature_names()`, and the logit of yes less that of no
        at its mark."""
        ids, count = self.prefix(sentence_list)
        if count < len(sentence_list):
            raise ValueError(f"runner: {count} of {len(sentence_list)} sentences fit a chunk; give fewer")
        marks = set(self.marks)
        hidden = self.forward(ids, [])[[i for i, token in enumerate(ids) if token in marks]]
        yes, no = self.id(self.tasks["yes"]), self.id(self.tasks["no"])
        logits = self.logits(hidden)
        judged = (logits[:, yes] - logits[:, no]).tolist()
        return [row + [mark] for row, mark in zip(engine.features(sentence_list), judged)]

    def salience(self, measured, kind="key_points"):
        """Salience in 0..1 of each sentence, of what `measure` gives, as the engine weighs it (`src/task/salience.rs`)."""
        weights = self.tasks["salience"][kind]
        names, long = (*engine.feature_names(), "mark"), min(len(measured), 40) / 40
        weight = [weights.get(n, 0.0) + weights.get(f"{n}_n", 0.0) * long for n in names]
        return [1 / (1 + math.exp(-weights["bias"] - sum(w * x for w, x in zip(weight, row)))) for row in measured]

    def choose(self, measured, kind, count):
        """Indices of the most salient sentences, in order."""
        scores = self.salience(measured, kind)
        return sorted(sorted(range(len(scores)), key=lambda i: -scores[i])[:count])
