"""CSV files of ranges -> country and AS number, whatever their columns are called.

    network,country                      CIDR or address in one column
    start_ip,end_ip,country,asn          first and last address (text, or whole numbers for IPv4)

Comma, semicolon or tab; .gz is unpacked. Files without a header (iptoasn, IP2Location, DB-IP) need
their columns named in the configuration.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from iolaus.core.errors import ConfigError
from iolaus.logs.enrichment.addresses import Blocks, blocks_of_cidr, blocks_of_ends
from iolaus.logs.enrichment.files import CsvFile, FileReport, opened, reading
from iolaus.logs.enrichment.mmdb import AddressFile, as_number, country_code
from iolaus.logs.enrichment.ranges import UNKNOWN, Layer, flatten

# What columns are called, best name first: IPinfo writes a country's name into `country` and its
# code into `country_code`.
NAMES: Final = {
    "network": ("network", "cidr", "prefix", "ip_prefix", "subnet", "ip_range", "range"),
    "start": ("start", "start_ip", "range_start", "ip_from", "first", "ip_start", "start_address"),
    "end": ("end", "end_ip", "range_end", "ip_to", "last", "ip_end", "end_address"),
    "country": ("country_code", "country_iso_code", "country_iso", "cc", "iso_code", "country"),
    "asn": ("asn", "as_number", "autonomous_system_number", "asnum", "as"),
}
LARGEST = 2 * 2**30  # bytes unpacked; 2 GiB are some 50 million ranges of 40 bytes
PASSED_OVER = "-"
FIRST_LINE = 65_536  # bytes; a longer one is no header
EXAMPLE = 'csv = [{ path = "ip2asn-v4.tsv", columns = ["start", "end", "asn", "country", "-"] }]'


@dataclass(frozen=True)
class _Layout:
    """Where the columns stand. of: ours -> theirs, by position. header: lines to skip."""

    count: int
    of: dict[str, int]
    delimiter: str
    header: int


def read_csv(file: CsvFile) -> AddressFile:
    """All ranges of a file. About 1 microsecond a row. Raises ConfigError (see `reading`)."""
    where = f"[enrichment] csv: {file.path}"
    with reading(file.path, "csv") as report:
        layout = _layout(file, where)
        table, numbers = _table(file, layout, report)
        if "network" in layout.of:
            blocks, bad = blocks_of_cidr(table["network"])
        else:
            blocks, bad = blocks_of_ends(table["start"], table["end"])
        for row in bad:
            parts = [str(table[name][int(row)]) for name in ("network", "start", "end")
                     if name in layout.of]  # fmt: skip
            if any(parts):  # else the line is blank
                report.add_bad(int(numbers[row]), ",".join(parts))
        report.entries = len(numbers) - len(bad)
    country = _layers(table, "country", country_code, blocks)
    asn = _layers(table, "asn", as_number, blocks)
    return AddressFile(country, asn, None, report)


def _layout(file: CsvFile, where: str) -> _Layout:
    with opened(file.path) as stream:
        text = stream.readline(FIRST_LINE).decode("utf-8-sig", "replace")
    first = next(iter(text.splitlines()), "")  # also where lines end with \r alone
    delimiter = max(",;\t", key=first.count)
    try:
        cells = next(csv.reader([first], delimiter=delimiter), [])
    except csv.Error:
        cells = []
    if file.columns:
        return _named(file.columns, cells, delimiter, where)
    plain = [cell.strip().lstrip("#").strip().lower().replace(" ", "_") for cell in cells]
    of = {}
    for ours, theirs in NAMES.items():
        position = next((plain.index(name) for name in theirs if name in plain), None)
        if position is not None:
            of[ours] = position
    if not _usable(of):
        raise ConfigError(
            f"the first line names no known columns: '{first[:80]}'.",
            where=where,
            next_step=f"Name them in the configuration: {EXAMPLE}.",
        )
    return _Layout(len(cells), of, delimiter, 1)


def _named(columns: tuple[str, ...], cells: list[str], delimiter: str, where: str) -> _Layout:
    unknown = sorted(set(columns) - set(NAMES) - {PASSED_OVER})
    of = {name: columns.index(name) for name in NAMES if name in columns}
    if unknown or not _usable(of):
        what = f"'{unknown[0]}' is no column" if unknown else "the columns are not enough"
        raise ConfigError(
            f"{what}.",
            where=where,
            next_step="Name network, or start and end; and country or asn; and '-' for a column "
            f"to be passed over, as in {EXAMPLE}.",
        )
    if len(columns) != len(cells):
        raise ConfigError(
            f"{len(columns)} columns are named, but the first line has {len(cells)}.",
            where=where,
            next_step="Name every column; '-' for one to be passed over.",
        )
    return _Layout(len(cells), of, delimiter, 0)


def _usable(of: dict[str, int]) -> bool:
    ranged = "network" in of or {"start", "end"} <= of.keys()
    return ranged and bool({"country", "asn"} & of.keys())


def _table(
    file: CsvFile, layout: _Layout, report: FileReport
) -> tuple[dict[str, pa.Array], NDArray[np.int64]]:
    """Our columns as text without nulls, and each row's line number from 1."""
    cut: list[int] = []

    def short(row: arrow_csv.InvalidRow) -> str:
        cut.append(row.number)
        if row.text.strip():
            report.add_bad(row.number, row.text)
        return "skip"

    names = [f"f{i}" for i in range(layout.count)]
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(_text(file)),
            arrow_csv.ReadOptions(use_threads=False, column_names=names, skip_rows=layout.header),
            arrow_csv.ParseOptions(
                delimiter=layout.delimiter, invalid_row_handler=short, ignore_empty_lines=False
            ),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=[names[i] for i in layout.of.values()],
            ),
        )
    except pa.ArrowInvalid as error:
        raise ConfigError(
            f"cannot be read as CSV: {str(error).splitlines()[0][:200]}.",
            where=f"[enrichment] csv: {file.path}",
            next_step='It must be text in lines of equal columns, quoted with ".',
        ) from error
    lines = np.arange(1, table.num_rows + len(cut) + 1) + layout.header
    columns = {ours: _joined(table[names[i]]) for ours, i in layout.of.items()}
    return columns, np.setdiff1d(lines, cut)


def _text(file: CsvFile) -> bytes:
    """The file as UTF-8; what is none becomes the replacement character, for Arrow cannot name a
    bad row that it cannot decode."""
    with opened(file.path) as stream:
        data = stream.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ConfigError(
            f"is larger than {LARGEST:,} bytes once unpacked.",
            where=f"[enrichment] csv: {file.path}",
            next_step="Check that it is a list of ranges; split it if it is.",
        )
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace").encode()
    return data


def _joined(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.string())


def _layers(
    table: dict[str, pa.Array], name: str, code: Callable[[object], int], blocks: dict[int, Blocks]
) -> dict[int, Layer] | None:
    """None where the file has no such column, or nothing known in it."""
    if name not in table:
        return None
    folded = table[name].dictionary_encode()
    known = np.asarray([code(text) for text in folded.dictionary.to_pylist()], np.int64)
    codes = known[folded.indices.to_numpy()]
    if (codes == UNKNOWN).all():
        return None
    return {version: flatten(found, codes[found.row]) for version, found in blocks.items()}
