"""Running a GGUF file the way the engine does: one prefill of the text, then each task as a tail on its cache. f32.

Slow and plain on purpose; it is what the tables of the model card and the golden values for the engine are made with.
"""

import json
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

import gguf_file
import tasks
from model import rope_tables, rotate

NO_REPEAT = 3
# Words that no title ends with: those of `src/task/shorten.rs`.
UNFINISHED = frozenset(
    "a an the of in on at to for from by with and or but that which who is are was were be been has have had will would "
    "may can could as into its his her their this these those than not also about between under over more most when where "
    "while because if how what it they".split()
)


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


class Runner:
    def __init__(self, path):
        metadata, tensors = gguf_file.read(path)
        self.w = {name: torch.from_numpy(value.copy()) for name, value in tensors.items()}
        self.tasks = json.loads(metadata["nanolm.tasks"])
        self.tokenizer = tokenizer_of(metadata)
        get = lambda key: metadata[f"llama.{key}"]
        self.n_layers, self.context_len = get("block_count"), get("context_length")
        self.heads, self.kv_heads = get("attention.head_count"), get("attention.head_count_kv")
        self.head_dim, self.eps = get("attention.key_length"), get("attention.layer_norm_rms_epsilon")
        self.cos, self.sin = rope_tables(SimpleNamespace(head_dim=self.head_dim, rope_base=get("rope.freq_base"), context_len=self.context_len))
        self.controls = [i for i, kind in enumerate(metadata["tokenizer.ggml.token_type"]) if kind == 3]
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
            h = F.rms_norm(x, (x.shape[-1],), w("attn_norm"), self.eps)
            q = rotate((h @ w("attn_q").T).view(1, n, self.heads, self.head_dim), cos, sin)[0].transpose(0, 1)
            k = rotate((h @ w("attn_k").T).view(1, n, self.kv_heads, self.head_dim), cos, sin)[0].transpose(0, 1)
            v = (h @ w("attn_v").T).view(n, self.kv_heads, self.head_dim).transpose(0, 1)
            k, v = torch.cat((cache[i][0], k), dim=1), torch.cat((cache[i][1], v), dim=1)
            cache[i] = [k, v]
            group = self.heads // self.kv_heads
            out = F.scaled_dot_product_attention(q, k.repeat_interleave(group, 0), v.repeat_interleave(group, 0), attn_mask=mask)
            x = x + out.transpose(0, 1).reshape(n, -1) @ w("attn_output").T
            h = F.rms_norm(x, (x.shape[-1],), w("ffn_norm"), self.eps)
            x = x + (F.silu(h @ w("ffn_gate").T) * (h @ w("ffn_up").T)) @ w("ffn_down").T
        return F.rms_norm(x, (x.shape[-1],), self.w["output_norm.weight"], self.eps)

    def logits(self, hidden):
        return hidden @ self.w["token_embd.weight"].T

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

    def prefill(self, ids):
        cache = []
        self.forward(ids, cache)
        return cache

    def salience(self, cache, count):
        """Salience in 0..1 of the first `count` sentences of the text in `cache`."""
        tail = [self.id(self.tasks["key_points"])] + self.marks[:count]
        hidden = self.forward(tail, [list(pair) for pair in cache])[1:]
        weight = self.w["token_embd.weight"]
        return torch.sigmoid(hidden @ (weight[self.id(self.tasks["yes"])] - weight[self.id(self.tasks["no"])])).tolist()

    def greedy(self, cache, tail, limit):
        """Ids after `tail`, up to `limit`, ended by (and without) the end token: greedy, but no control token, and no
        three tokens twice, as the engine writes freely."""
        cache, out, end = [list(pair) for pair in cache], [], self.id(self.tasks["end"])
        hidden = self.forward(tail, cache)[-1]
        for _ in range(limit):
            logits = self.logits(hidden)
            logits[[c for c in self.controls if c != end]] = -torch.inf
            for at in range(len(out) - NO_REPEAT + 1):
                if out[at : at + NO_REPEAT - 1] == out[len(out) - NO_REPEAT + 1 :]:
                    logits[out[at + NO_REPEAT - 1]] = -torch.inf
            token = int(logits.argmax())
            if token == end:
                break
            out.append(token)
            hidden = self.forward([token], cache)[-1]
        return out

    def write(self, cache, task, sentence):
        """The text of `headline` or `tldr` as the engine's `summarize` makes it (`src/task/copy.rs`): the sentence,
        shortened; a headline is its beginning, up to where the model most expects a title to end."""
        ids = self.encode(" " + tasks.compress(sentence))
        if task == "tldr":
            return self.tokenizer.decode(ids[: self.tasks["tldr_max_tokens"]], skip_special_tokens=True).strip()
        ids = ids[: self.tasks["headline_max_tokens"]]
        hidden = self.forward([self.id(self.tasks["headline"]), *ids], [list(pair) for pair in cache])
        ending = torch.log_softmax(self.logits(hidden), -1)[:, self.id(self.tasks["end"])]
        whole = len(ids) - (self.tokenizer.decode(ids[-1:]).strip() in (".", "!", "?") and len(ids) > 1)
        best = None
        for n in range(1, whole + 1):
            text = self.tokenizer.decode(ids[:n], skip_special_tokens=True)
            following = [self.tokenizer.decode([i]) for i in ids[n : n + 2]] + ["", ""]
            joined = [piece[:1].isalnum() for piece in following]
            mark = following[0] != "" and not following[0][0].isspace()
            over = n == whole or not (joined[0] or mark and joined[1])
            fits = 6 <= len(text.split()) <= 12 and text[-1].isalnum() and text.split()[-1].lower() not in UNFINISHED
            if over and fits and (best is None or ending[n] > ending[best]):
                best = n
        return self.tokenizer.decode(ids[: best or whole], skip_special_tokens=True).strip()

    def telling(self, sentence_list, scores):
        """The sentence that headline and tldr are written from: of the four most salient the first that stands alone."""
        order = sorted(range(len(scores)), key=lambda i: -scores[i])[:4]
        return sentence_list[next((i for i in order if tasks.stands_alone(sentence_list[i])), order[0])]

    def write_freely(self, cache, task):
        """The text of `headline` or `tldr` token by token, without a sentence to follow."""
        ids = self.greedy(cache, [self.id(self.tasks[task])], self.tasks[f"{task}_max_tokens"])
        return self.tokenizer.decode(ids, skip_special_tokens=True).strip()
