"""A run with an embedding model: it decides, it is part of the run's key, and it resumes.

onnxruntime and tokenizers are stand-ins, so that no weights are needed; everything else is real.
"""

import json
import sys
from datetime import timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest

from iolaus.app.progress import silent
from iolaus.app.replay import replay
from iolaus.app.scan import scan
from iolaus.app.settings import Settings, load
from iolaus.core.errors import ConfigError
from iolaus.core.hashing import hash64

DIMENSIONS = 8
OPTIONS = {"memory": "1GB", "threads": 2, "keep_stages": True}


class WordTokenizer:
    """A token per word: its hash, so that another text has other tokens."""

    def enable_truncation(self, max_length): ...

    def enable_padding(self): ...

    def encode_batch(self, texts):
        ids = [[hash64(word) & 0xFFFF for word in text.split()] for text in texts]
        longest = max(map(len, ids))
        return [
            SimpleNamespace(
                ids=i + [0] * (longest - len(i)),
                attention_mask=[1] * len(i) + [0] * (longest - len(i)),
                type_ids=[0] * longest,
            )
            for i in ids
        ]


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A model's directory, and `model.texts`: how many were embedded."""
    directory = tmp_path / "model"
    directory.mkdir()
    for name in ("model.onnx", "tokenizer.json"):
        (directory / name).write_text("{}")
    state = SimpleNamespace(path=directory, texts=0)
    table = np.random.default_rng(0).standard_normal((1 << 16, DIMENSIONS)).astype(np.float32)

    class Session:
        def __init__(self, path, providers): ...

        def get_inputs(self):
            return [SimpleNamespace(name="input_ids"), SimpleNamespace(name="attention_mask")]

        def run(self, names, inputs):
            state.texts += len(inputs["input_ids"])
            return [table[inputs["input_ids"]]]

    onnx, tokenizers = ModuleType("onnxruntime"), ModuleType("tokenizers")
    onnx.InferenceSession = Session
    tokenizers.Tokenizer = SimpleNamespace(from_file=lambda path: WordTokenizer())
    monkeypatch.setitem(sys.modules, "onnxruntime", onnx)
    monkeypatch.setitem(sys.modules, "tokenizers", tokenizers)
    return state


def settings(model, tmp_path) -> Settings:
    config = tmp_path / "config.toml"
    config.write_text(f'[scan]\nembeddings = "{model.path}"\n')
    return load(config)


def codes(out: Path) -> list[dict[str, object]]:
    rows = pq.read_table(out / "stages" / "content_days").to_pylist()
    return sorted(rows, key=lambda row: (row["account"], row["day"]))


def test_the_model_makes_the_codes_and_progress_says_so(planted_log, tmp_path, model):
    told = []

    def report(step, done, total):
        told.append((step, done, total))

    scan(planted_log, tmp_path / "words", Settings(), report=silent, **OPTIONS)
    assert model.texts == 0
    chosen = settings(model, tmp_path)
    scan(planted_log, tmp_path / "embedded", chosen, report=report, **OPTIONS)
    words, made = codes(tmp_path / "words"), codes(tmp_path / "embedded")
    # A model reads prompts that are too short for a code of words, so it never has fewer.
    assert sum(row["n"] for row in words) < sum(row["n"] for row in made)
    assert not {low for row in words for low in row["low"]} & {
        x for row in made for x in row["low"]
    }
    by_words, by_model = (
        pq.read_table(tmp_path / out / "members.parquet")["probability"].to_pylist()
        for out in ("words", "embedded")
    )
    assert by_words != by_model
    assert model.texts == sum(row["n"] for row in made)
    assert [said for said in told if said[0] == "embed"][-1] == ("embed", model.texts, model.texts)
    run = json.loads((tmp_path / "embedded" / "run.json").read_text())
    assert run["settings"]["embeddings"] == str(model.path)
    files = [file["path"] for file in run["files"]]
    assert {"embeddings/model.onnx", "embeddings/tokenizer.json"} < set(files)


def test_a_run_resumes_without_embedding_again_unless_the_model_changed(
    planted_log, tmp_path, model, monkeypatch
):
    chosen, out = settings(model, tmp_path), tmp_path / "out"

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    def stopped():
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr("iolaus.app.scan.campaigns.investigate", stop)
            scan(planted_log, out, chosen, report=silent, **OPTIONS)

    stopped()
    once = model.texts
    assert once > 0
    stopped()
    assert model.texts == once
    (model.path / "model.onnx").write_text("other weights, same path")
    stopped()
    assert model.texts == 2 * once


def test_a_replay_uses_the_model_too(planted_log, tmp_path, model):
    chosen = settings(model, tmp_path)
    replay(
        planted_log,
        tmp_path / "out",
        chosen,
        every=timedelta(days=14),
        report=silent,
        **OPTIONS,
    )
    assert model.texts == sum(row["n"] for row in codes(tmp_path / "out"))
    assert model.texts > 0


def test_a_wrong_path_and_a_missing_library_are_said_before_the_log_is_read(
    planted_log, tmp_path, model, monkeypatch
):
    def never(*_: object, **__: object) -> None:
        raise AssertionError("read the log first")

    monkeypatch.setattr("iolaus.app.pipeline.signals.features", never)
    with pytest.raises(
        ConfigError, match=r"embeddings: '/no/model' is no embedding.*Give the path"
    ):
        wrong = Settings(embeddings="/no/model")
        scan(planted_log, tmp_path / "a", wrong, report=silent, **OPTIONS)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigError, match=r"'onnxruntime', which is not.*iolaus\[embeddings\]"):
        chosen = settings(model, tmp_path)
        scan(planted_log, tmp_path / "b", chosen, report=silent, **OPTIONS)
