"""Plain lists, one entry a line: addresses, networks and AS numbers; mail domains.

`#` and `;` begin comments. What cannot be read is counted with its line number and passed over.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from iolaus.logs.enrichment.addresses import Blocks, blocks_of_cidr, blocks_of_ends
from iolaus.logs.enrichment.files import FileReport, opened, reading
from iolaus.logs.enrichment.ranges import Layer, flatten

LONGEST_LINE = 1_000  # characters; no address and no domain (253) comes near it
_AS_NUMBER: Final = re.compile(r"(?i)^AS(\d{1,10})$")
_ENDS: Final = re.compile(r"^([0-9A-Fa-f.:]+)\s*-\s*([0-9A-Fa-f.:]+)$")
_DOMAIN: Final = re.compile(r"^[^\s@/:,]{1,253}\.[^\s@/:,.]{1,63}$")


@dataclass(frozen=True)
class NetworkList:
    """One list: layers by version with code 0 where listed, and the AS numbers listed."""

    layers: dict[int, Layer]
    asns: NDArray[np.int64]
    report: FileReport


def read_networks(path: Path, kind: str) -> NetworkList:
    """Addresses, ADDRESS/LENGTH, FIRST-LAST and AS12345. Raises ConfigError (see `reading`)."""
    with reading(path, kind) as report:
        lines = list(_lines(path, report))
        asns = [int(m[1]) for _, text in lines if (m := _AS_NUMBER.match(text))]
        ends = [(n, m[1], m[2]) for n, text in lines if (m := _ENDS.match(text))]
        cidrs = [(n, t) for n, t in lines if not _AS_NUMBER.match(t) and not _ENDS.match(t)]
        by_cidr, bad = blocks_of_cidr(pa.array([t for _, t in cidrs], pa.string()))
        by_ends, bad_ends = blocks_of_ends(
            pa.array([a for _, a, _ in ends], pa.string()),
            pa.array([b for _, _, b in ends], pa.string()),
        )
        wrong = [cidrs[i] for i in bad] + [(ends[i][0], "-".join(ends[i][1:])) for i in bad_ends]
        for number, text in sorted(wrong):
            report.add_bad(number, text)
        report.entries += len(lines) - len(wrong)
    layers = {}
    for version in (4, 6):
        parts = [by_cidr[version], by_ends[version]]
        layers[version] = _listed(parts)
    return NetworkList(layers, np.unique(np.asarray(asns, np.int64)), report)


def _listed(parts: list[Blocks]) -> Layer:
    joined = Blocks(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in Blocks.__annotations__
        )
    )
    return flatten(joined, np.zeros(len(joined.row), np.int64))


def read_domains(path: Path) -> tuple[frozenset[str], FileReport]:
    """Mail domains in lower case, without a leading `@`, `*.` or `.`. Raises ConfigError."""
    with reading(path, "disposable_mail") as report:
        domains = set()
        for number, text in _lines(path, report):
            domain = text.lower().removeprefix("@").removeprefix("*").strip(".")
            if _DOMAIN.match(domain):
                domains.add(domain)
                report.entries += 1
            else:
                report.add_bad(number, text)
    return frozenset(domains), report


def _lines(path: Path, report: FileReport) -> Iterator[tuple[int, str]]:
    """Number and text of each line that says something."""
    with opened(path) as file:
        number = 0
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                report.add_bad(number, line[:100].decode("utf-8", "replace"))
                while line and not line.endswith(b"\n"):
                    line = file.readline(LONGEST_LINE)
                continue
            text = line.decode("utf-8-sig" if number == 1 else "utf-8", "replace")
            text = re.split(r"[#;]", text, maxsplit=1)[0].strip()
            if text:
                yield number, text
