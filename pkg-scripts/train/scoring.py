"""Scores per system with paired bootstrap intervals, what a summary says that its source does not, and their tables."""

import re

import numpy as np
from rouge_score import rouge_scorer

METRICS = ("rouge1", "rouge2", "rougeL")
SEED = 20240607


class Scores:
    """ROUGE F1 per system and case."""

    def __init__(self):
        self.scorer = rouge_scorer.RougeScorer(METRICS, use_stemmer=True)
        self.rows = {}

    def of(self, text, references):
        results = [self.scorer.score(reference, text) for reference in references]
        return [max(r[m].fmeasure for r in results) * 100 for m in METRICS]

    def add(self, system, values):
        self.rows.setdefault(system, []).append(values)

    def summary(self, ours):
        """{system: n, mean, how much better ours is and its 95 % interval}."""
        rng = np.random.default_rng(SEED)
        mine, out = np.array(self.rows[ours]), {}
        draws = rng.integers(0, len(mine), (2000, len(mine)))
        for system, rows in self.rows.items():
            values = np.array(rows)
            entry = {"n": len(values), "mean": values.mean(0).round(2).tolist()}
            if system != ours:
                gap = (mine - values)[draws].mean(1)
                entry["ours_minus_this"] = (mine - values).mean(0).round(2).tolist()
                entry["interval95"] = np.percentile(gap, [2.5, 97.5], axis=0).T.round(2).tolist()
            out[system] = entry
        return out


def interval(rows, statistic):
    """95 % bootstrap interval of a statistic of rows (an array)."""
    rng, rows = np.random.default_rng(SEED), np.asarray(rows)
    values = [statistic(rows[rng.integers(0, len(rows), len(rows))]) for _ in range(1000)]
    return [round(float(x), 4) for x in np.percentile(values, [2.5, 97.5])]


def f1(counts):
    """Micro F1 of rows (right, found, wanted)."""
    right, found, wanted = np.asarray(counts).sum(0)
    return 2 * right / max(1, found + wanted)


def unsupported(text, source):
    """(numbers, names) in `text`, each as (absent from source, all)."""
    wanted = (re.findall(r"\d+", text), re.findall(r"(?<![.!?] )(?<!^)\b[A-Z][^\W\d_]+", text))
    there = (set(re.findall(r"\d+", source)), set(re.findall(r"[^\W\d_]+", source.lower())))
    return [(sum(w.lower() not in have for w in ws), len(ws)) for ws, have in zip(wanted, there)]


def table(title, result):
    lines = [f"**{title}**", "", "| system | n | ROUGE-1 | ROUGE-2 | ROUGE-L | nanolm minus this, ROUGE-1 (95 %) | ROUGE-L (95 %) |", "|---|---|---|---|---|---|---|"]
    for system, entry in result.items():
        cells = [str(entry["n"])] + [f"{v:.1f}" for v in entry["mean"]]
        for m in (0, 2):
            if "interval95" in entry:
                low, high = entry["interval95"][m]
                cells.append(f"{entry['ours_minus_this'][m]:+.1f} ({low:+.1f} to {high:+.1f})")
            else:
                cells.append("")
        lines.append(f"| {system} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _range(pair):
    return f"{100 * pair[0]:.1f} to {100 * pair[1]:.1f}"


def markdown(result, samples):
    """All tables and samples of an evaluation."""
    out = []
    for domain, of in result["domains"].items():
        out += [table(f"{task}, {domain}", of[task]) for task in ("key-points", "tldr", "headline") if task in of]
    share = lambda pair: f"{pair[0]} of {pair[1]}"
    for task, (numbers, names) in result["unsupported"].items():
        out.append(f"{task}, all domains: not in the source: numbers {share(numbers)}, capitalised words {share(names)}.\n")
    out += ["| labels | classes | n | nanolm | (95 %) | majority | tf-idf + logistic regression |", "|---|---|---|---|---|---|---|"]
    for name, e in result["classification"].items():
        out.append(f"| {name} | {e['classes']} | {e['n']} | {100 * e['accuracy']:.1f} % | {_range(e['interval95'])} | {100 * e['majority']:.1f} % | {100 * e['tfidf']:.1f} % |")
    out += ["", "| entities | sentences | nanolm F1 | (95 %) | dictionary F1 |", "|---|---|---|---|---|"]
    for name, e in result["entities"].items():
        out.append(f"| {name} | {e['n']} | {100 * e['f1']:.1f} | {_range(e['interval95'])} | {100 * e['dictionary']:.1f} |")
    if result.get("variants"):
        out += ["", "| file | bytes | key-points ROUGE-1 | ROUGE-L | of f16 | intents right | bits per byte |", "|---|---|---|---|---|---|---|"]
        for name, e in result["variants"].items():
            out.append(f"| {name} | {e['bytes']:,} | {e['rouge'][0]:.2f} | {e['rouge'][1]:.2f} | {100 * e['of_f16']:.1f} % | {100 * e['intents']:.1f} % | {e['bits_per_byte']:.3f} |")
    out.append("\nBits per byte: " + ", ".join(f"{s} {v:.3f}" for s, v in result["bits_per_byte"].items()) + "\n")
    if "pytorch" in result:
        out.append(f"PyTorch and the engine on the same {result['pytorch']['n']} texts: key-points differ by {result['pytorch']['difference']} ROUGE-1, -2, -L.\n")
    for domain, shown in samples.items():
        for s in shown:
            out.append(f"- *{domain}*: **{s['title'] or s['reference'][:60] + '…'}**")
            out += [f"  - {name}: {s[name]}" for name in ("headline", "tldr") if name in s] + ["  - key point: " + p for p in s["key_points"]]
    return "\n".join(out) + "\n"
