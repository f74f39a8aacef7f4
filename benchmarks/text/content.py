"""python -m benchmarks.text.content --corpora DIR [--embeddings MODEL]

How well accounts' content vectors tell what the accounts ask about. An account is a draw of k
prompts of one group; its vector the mean of their codes, less the mean of all accounts' vectors.
Scored is the area under the ROC curve (AUC) of the cosine: pairs of one group against pairs of two.

Groups are corpora (manner and subject differ) and the intents of banking77 (one product's
customers, only the subject differs). No prompt is in two accounts of one draw. MODEL is embedded in
the same run.
"""

import argparse
import csv
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from iolaus.signals.content import code_bits
from iolaus.signals.text import text_features
from iolaus.signals.text.embeddings import embedder, encoder

from .corpora import json_lines, prompt_of

Groups = dict[str, list[str]]
Floats = NDArray[np.float64]
PROMPTS = 320  # per group at most: 5 accounts of 64
ACCOUNTS = 40  # per group at most, so that small accounts do not outnumber the rest
DRAWS = 10
SIZES = (4, 16, 64)
FILES = {
    "alpaca_libre v1": "distill/alpaca_libre/v1.jsonl",
    "alpaca_libre v2": "distill/alpaca_libre/v2.jsonl",
    "alpaca_libre v3": "distill/alpaca_libre/v3.jsonl",
    "selfinstruct": "distill/selfinstruct_gpt4mini/generated_tasks.jsonl",
    "gsm8k": "bench/gsm8k/test.jsonl",
    "nq_open": "organic/nq_open/NQ-open.dev.jsonl",
    "arena_hard v0.1": "organic/arena_hard/v0.1_question.jsonl",
}


def sources(corpora: Path) -> Groups:
    """Prompts by corpus; the arena's by its subcategory too."""
    groups = {name: list(json_lines(corpora / path).values()) for name, path in FILES.items()}
    for line in (corpora / "organic/arena_hard/v2_question.jsonl").open(encoding="utf-8"):
        row = json.loads(line)
        groups.setdefault(f"arena_hard v2 {row['subcategory']}", []).append(row["prompt"])
    tools = json.loads((corpora / "distill/gpteacher/toolformer.json").read_text("utf-8"))
    groups["gpteacher tools"] = [prompt_of(row) for row in tools]
    groups["banking77"] = [text for texts in intents(corpora).values() for text in texts]
    return groups


def intents(corpora: Path) -> Groups:
    """banking77's prompts by what the customer wants."""
    groups: Groups = {}
    with (corpora / "organic/banking77/test.csv").open(encoding="utf-8") as table:
        for row in csv.DictReader(table):
            groups.setdefault(row["category"], []).append(row["text"])
    return groups


def sampled(groups: Groups) -> Groups:
    """At most PROMPTS distinct prompts of each group, from a fixed seed."""
    rng = np.random.default_rng(1)
    distinct = {name: list(dict.fromkeys(texts)) for name, texts in groups.items()}
    return {
        name: [texts[i] for i in rng.permutation(len(texts))[:PROMPTS]]
        for name, texts in distinct.items()
    }


def hashed(texts: list[str]) -> Floats:
    """Signs of the kernel's codes; NaN rows where a prompt is too short for one."""
    batch = text_features(pa.array(texts, pa.large_string()), pa.nulls(len(texts), pa.string()))
    low, high = (batch[f"content_{lane}"] for lane in ("low", "high"))
    signs = code_bits(low.fill_null(0).to_numpy(), high.fill_null(0).to_numpy()) * 2.0 - 1
    signs[low.is_null().to_numpy(zero_copy_only=False)] = np.nan
    return signs


def vectors(values: Floats, k: int, rng: np.random.Generator) -> Floats:
    """Accounts of k prompts each, without a prompt in two: accounts x directions."""
    usable = values[~np.isnan(values[:, 0])]
    order = rng.permutation(len(usable))
    accounts = min(ACCOUNTS, len(order) // k)
    means: Floats = usable[order[: accounts * k]].reshape(accounts, k, values.shape[1]).mean(1)
    return means


def separation(groups: dict[str, Floats], k: int, seed: int) -> float:
    """AUC of one draw."""
    rng = np.random.default_rng(seed)
    drawn = [vectors(values, k, rng) for values in groups.values()]
    group = np.repeat(np.arange(len(drawn)), [len(part) for part in drawn])
    means = np.concatenate(drawn)
    means = means - means.mean(0)
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    pairs = np.triu_indices(len(means), 1)
    same = (group[:, None] == group[None])[pairs]
    return auc((means @ means.T)[pairs], same)


def auc(scores: Floats, positive: NDArray[np.bool_]) -> float:
    """Probability that a positive pair scores above a negative one; ties count half."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    n, m = int(positive.sum()), int((~positive).sum())
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * m))


def row(name: str, method: str, groups: dict[str, Floats]) -> str:
    """One line of the table: mean and standard deviation of the AUC over DRAWS."""
    cells = []
    for k in SIZES:
        if sum(len(values) >= 2 * k for values in groups.values()) < 2:
            cells.append("too few prompts")
            continue
        draws = [separation(groups, k, seed) for seed in range(DRAWS)]
        cells.append(f"{np.mean(draws):.3f} ± {np.std(draws):.3f}")
    return f"| {name} | {method} | " + " | ".join(cells) + " |"


def signs_of(codes: NDArray[np.int64]) -> Floats:
    signs: Floats = code_bits(codes[:, 0], codes[:, 1]) * 2.0 - 1
    return signs


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.text.content")
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--embeddings", help="as iolaus.signals.text.embeddings.embedder takes it")
    options = parser.parse_args()
    methods: dict[str, Callable[[list[str]], Floats]] = {"words, 128 signs": hashed}
    if options.embeddings:
        embed = embedder(options.embeddings)
        kept: dict[str, NDArray[np.float32]] = {}  # a text's embedding serves two methods

        def remembered(texts: list[str]) -> NDArray[np.float32]:
            new = [text for text in dict.fromkeys(texts) if text not in kept]
            kept.update(zip(new, embed(new), strict=True))
            return np.stack([kept[text] for text in texts])

        encode = encoder(remembered)
        methods["model, 128 signs"] = lambda texts: signs_of(encode(texts))
        methods["model, whole embeddings"] = lambda texts: remembered(texts).astype(np.float64)
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}\n")
    print("| groups | vectors of | " + " | ".join(f"{k} prompts" for k in SIZES) + " |")
    print("|---" * (2 + len(SIZES)) + "|")
    seconds = dict.fromkeys(methods, 0.0)
    for name, groups in (
        ("corpora", sources(options.corpora)),
        ("banking77 intents", intents(options.corpora)),
    ):
        chosen = sampled(groups)
        for method, encode_texts in methods.items():
            started = time.process_time()
            values = {group: encode_texts(texts) for group, texts in chosen.items()}
            seconds[method] += time.process_time() - started
            count = f"{len(groups)} {name}, {sum(map(len, chosen.values())):,} prompts"
            print(row(count, method, values), flush=True)
    spent = ", ".join(f"{method} {value:.1f}" for method, value in seconds.items())
    print(f"\nProcessor seconds to embed or encode: {spent}.")


if __name__ == "__main__":
    main()
