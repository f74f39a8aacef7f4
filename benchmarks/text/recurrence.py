"""How often a fixed instruction, injected into every prompt, is seen in the sketches.

Prompts are cut from real text (words of other prompts, shuffled in order of prompt), the
instruction from prompts that are not used as carriers. An instruction *recurs* if one of its
shingles stands in the sketches of at least half of the prompts that carry it.
"""

from collections import Counter

import numpy as np
import pyarrow as pa

from iolaus.signals.text import text_features

DRAWS, COPIES = 200, 20  # instructions, prompts per instruction
INSTRUCTION_WORDS, PROMPT_WORDS = (10, 20, 40), (60, 150, 400)
PLACES = ("start", "anywhere", "end")


def shingles(fixed: list[str]) -> set[int]:
    """All shingle hashes of an instruction: windows of 12 words have 8, fewer than a sketch."""
    windows = [" ".join(fixed[i : i + 12]) for i in range(0, max(1, len(fixed) - 4), 8)]
    lists = text_features(pa.array(windows), pa.nulls(len(windows), pa.string()))["phrases"]
    return {p for row in lists.to_pylist() for p in row}


def recurring(words: list[str], size: int, length: int, place: str, seed: int) -> float:
    """Share of instructions of `size` words in prompts of `length` words that recur."""
    rng = np.random.default_rng(seed)
    half = len(words) // 2
    prompts, instructions = [], []
    for _ in range(DRAWS):
        at = int(rng.integers(0, half - size))
        fixed = " ".join(words[at : at + size])
        instructions.append(words[at : at + size])
        for start in rng.integers(half, len(words) - length, COPIES):
            carrier = words[start : start + length - size]
            cut = {"start": 0, "end": len(carrier)}.get(place, int(rng.integers(len(carrier) + 1)))
            prompts.append(" ".join([*carrier[:cut], fixed, *carrier[cut:]]))
    phrases = text_features(pa.array(prompts), pa.nulls(len(prompts), pa.string()))["phrases"]
    lists = phrases.to_pylist()
    found = 0
    for draw in range(DRAWS):
        mine = shingles(instructions[draw])
        rows = lists[draw * COPIES : (draw + 1) * COPIES]
        own = Counter(p for row in rows for p in row if p in mine)
        found += bool(own) and max(own.values()) >= COPIES / 2
    return found / DRAWS


def report(texts: list[str]) -> str:
    """Markdown: share that recurs, by words of the instruction, of the prompt, and place."""
    order = np.random.default_rng(1).permutation(len(texts))
    words = [word for i in order for word in texts[i].split()]
    lines = ["| instruction | prompt | " + " | ".join(PLACES) + " |", "|---|---|---|---|---|"]
    for size in INSTRUCTION_WORDS:
        for length in PROMPT_WORDS:
            shares = [f"{recurring(words, size, length, p, size * length):.0%}" for p in PLACES]
            lines.append(f"| {size} words | {length} words | " + " | ".join(shares) + " |")
    return "\n".join(lines)
