"""How good the capability labels are on labelled prompts."""

from collections import Counter

import pyarrow as pa

from iolaus.core.tables import CAPABILITIES
from iolaus.signals.text import text_features

from .corpora import Labelled


def predict(rows: list[Labelled]) -> list[tuple[str, set[str]]]:
    """(primary, all bits) per prompt, as the pipeline would say."""
    texts = pa.array([row.text for row in rows], pa.large_string())
    batch = text_features(texts, pa.nulls(len(rows), pa.string()))
    bits = batch["capability_bits"].to_pylist()
    sets = [{c for i, c in enumerate(CAPABILITIES) if b >> i & 1} for b in bits]
    return list(zip(batch["capability"].to_pylist(), sets, strict=True))


def report(rows: list[Labelled]) -> str:
    """Markdown: precision, recall and F1 of each capability's bit, and accuracy of the primary."""
    predicted = predict(rows)
    lines = [
        "| capability | labelled | predicted | precision | recall | F1 |",
        "|---|---|---|---|---|---|",
    ]
    for capability in CAPABILITIES:
        truth = [capability in row.labels for row in rows]
        said = [capability in bits for _, bits in predicted]
        both = sum(t and s for t, s in zip(truth, said, strict=True))
        lines.append(_line(capability, sum(truth), sum(said), both))
    right = sum(p in row.labels for (p, _), row in zip(predicted, rows, strict=True))
    lines.append(f"\nPrimary among the labels: {right} of {len(rows)} ({right / len(rows):.1%}).")
    return "\n".join(lines)


def _line(name: str, truth: int, said: int, both: int) -> str:
    if truth == 0:
        return f"| {name} | 0 | {said} | - | not measured | - |"
    precision = f"{both / said:.2f}" if said else "-"
    return (
        f"| {name} | {truth} | {said} | {precision} | {both / truth:.2f} "
        f"| {2 * both / (truth + said):.2f} |"
    )


def by_source(rows: list[Labelled]) -> str:
    """Markdown: share of each source's prompts whose label is set, and what is said instead."""
    lines = [
        "| source | label | prompts | bit set | primary | most frequent other primary |",
        "|---|---|---|---|---|---|",
    ]
    for source in dict.fromkeys(row.source for row in rows):
        mine = [row for row in rows if row.source == source]
        label = mine[0].labels[0]
        predicted = predict(mine)
        bit = sum(label in bits for _, bits in predicted) / len(mine)
        best = Counter(p for p, _ in predicted)
        other = [f"{c} {n / len(mine):.1%}" for c, n in best.most_common() if c != label][:2]
        lines.append(
            f"| {source} | {label} | {len(mine)} | {bit:.1%} "
            f"| {best[label] / len(mine):.1%} | {', '.join(other) or '-'} |"
        )
    return "\n".join(lines)


def mistakes(rows: list[Labelled]) -> str:
    """Wrong rows, for tuning; print for the development half only."""
    wrong = [
        f"{'+'.join(row.labels)} | {'+'.join(sorted(bits))} | {row.text[:150]!r}"
        for row, (_, bits) in zip(rows, predict(rows), strict=True)
        if set(row.labels) != bits
    ]
    return "\n".join(wrong)
