"""Parts of Markdown tables that several pages share."""

from collections import Counter
from typing import Any

from iolaus.core.statistics import wilson_interval

NOT_YET = "not measured"
Result = dict[str, Any]


def table(head: list[str], rows: list[list[str]]) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def met(good: list[bool]) -> str:
    """Whether an aim is met in everything that was measured."""
    return "-" if not good else "yes" if all(good) else "**no**"


def share(pair: tuple[int, int] | None) -> str:
    """Hits of all, with Wilson's interval of the share."""
    if pair is None or pair[1] == 0:
        return NOT_YET
    low, high = wilson_interval(*pair)
    low = max(low, 0.0)  # rounding can leave it just below
    return f"{pair[0]:,} of {pair[1]:,} ({low:.2%} to {high:.2%})"


def provenance(found: list[Result]) -> str:
    """Commits, machines, days."""
    if not found:
        return NOT_YET
    commits = Counter(r["commit"] for r in found)
    days = sorted(r["date"] for r in found)
    said = ", ".join(f"`{sha[:12]}` ({n} cells)" for sha, n in commits.most_common())
    lines = [
        f"Commit {said}; {days[0][:16].replace('T', ' ')} to {days[-1][:16].replace('T', ' ')} UTC."
    ]
    lines += dict.fromkeys(_machine(r["machine"]) for r in found)
    loads = [r["machine"]["load_before"] for r in found]
    lines.append(f"Load of the machine before a cell began: {min(loads):.1f} to {max(loads):.1f}.")
    corpora = sorted({(r["corpora"] or "none")[:12] for r in found})
    lines.append(f"Corpora: {', '.join(f'`{c}`' for c in corpora)} (names and sizes of the files).")
    return "\n".join(lines)


def _machine(m: Result) -> str:
    libraries = ", ".join(f"{name} {number}" for name, number in m["libraries"].items())
    hardware = f"{m['cpu']}, {m['cores']} cores, {m['memory_gb']} GB, {m['system']}"
    return f"{hardware}; Python {m['python']}; {libraries}."
