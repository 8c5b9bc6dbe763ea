"""The teacher of the embedding table: all-MiniLM-L6-v2, a BERT of 6 layers, run with torch from its own files.

Source: Devlin et al. 2018, arXiv 1810.04805; the pooling is the mean over all tokens, as the model's `modules.json` says.
"""

import json
import struct

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer


def read_safetensors(path):
    """{name: f32 tensor} of a safetensors file: a length, a JSON header, the bytes."""
    with open(path, "rb") as file:
        data = file.read()
    (size,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + size])
    out = {}
    for name, info in header.items():
        if name != "__metadata__" and info["dtype"] == "F32":
            start, end = info["data_offsets"]
            flat = torch.frombuffer(bytearray(data[8 + size + start : 8 + size + end]), dtype=torch.float32)
            out[name] = flat.reshape(info["shape"])
    return out


class MiniLM:
    """`encode` gives the vectors [n, 384] of texts, of length 1."""

    def __init__(self, folder):
        with open(f"{folder}/config.json") as file:
            config = json.load(file)
        self.heads, self.layers = config["num_attention_heads"], config["num_hidden_layers"]
        self.epsilon = config["layer_norm_eps"]
        self.w = read_safetensors(f"{folder}/model.safetensors")
        self.tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
        self.tokenizer.no_padding()

    def _norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.w[f"{name}.weight"], self.w[f"{name}.bias"], self.epsilon)

    def _linear(self, x, name):
        return F.linear(x, self.w[f"{name}.weight"], self.w[f"{name}.bias"])

    @torch.inference_mode()
    def _batch(self, rows):
        length = max(map(len, rows))
        ids = torch.zeros(len(rows), length, dtype=torch.long)
        mask = torch.zeros(len(rows), length, dtype=torch.bool)
        for i, row in enumerate(rows):
            ids[i, : len(row)], mask[i, : len(row)] = torch.tensor(row), True
        e = "embeddings"
        x = self.w[f"{e}.word_embeddings.weight"][ids] + self.w[f"{e}.position_embeddings.weight"][:length] + self.w[f"{e}.token_type_embeddings.weight"][0]
        x = self._norm(x, f"{e}.LayerNorm")
        split = lambda y: y.view(len(rows), length, self.heads, -1).transpose(1, 2)
        for k in range(self.layers):
            p = f"encoder.layer.{k}"
            q, key, v = (split(self._linear(x, f"{p}.attention.self.{part}")) for part in ("query", "key", "value"))
            a = F.scaled_dot_product_attention(q, key, v, attn_mask=mask[:, None, None, :]).transpose(1, 2).reshape(x.shape)
            x = self._norm(x + self._linear(a, f"{p}.attention.output.dense"), f"{p}.attention.output.LayerNorm")
            h = F.gelu(self._linear(x, f"{p}.intermediate.dense"))
            x = self._norm(x + self._linear(h, f"{p}.output.dense"), f"{p}.output.LayerNorm")
        mean = (x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return F.normalize(mean, dim=1)

    def encode(self, texts, limit=128, tokens=6144, pause=lambda: None):
        """[n, 384] of texts, each of at most `limit` tokens; batches of texts of like length hold about `tokens` tokens."""
        rows = [e.ids if len(e.ids) <= limit else e.ids[: limit - 1] + e.ids[-1:] for e in self.tokenizer.encode_batch(list(texts))]
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        out = torch.zeros(len(rows), self.w["embeddings.word_embeddings.weight"].shape[1])
        at = 0
        while at < len(order):
            # The last of a batch is its longest; so many rows fit.
            count = 1
            while at + count < len(order) and (count + 1) * len(rows[order[at + count]]) <= tokens:
                count += 1
            batch = order[at : at + count]
            out[batch] = self._batch([rows[i] for i in batch])
            at += count
            pause()
        return out.numpy()
