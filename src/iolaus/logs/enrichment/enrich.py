"""The files compiled once, then applied to batches of exchanges and to the accounts.

    compile_files     files -> sorted segments, lists, domains
    enrich            exchanges: country and asn where the log has none; network_kind, client_family
    enrich_accounts   accounts: the same of the sign-up address, and whether the mail is disposable

What the log says is never overwritten. Null: not measured, for no file speaks of it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from iolaus.logs.enrichment.addresses import parse
from iolaus.logs.enrichment.clients import families
from iolaus.logs.enrichment.csvs import read_csv
from iolaus.logs.enrichment.files import KINDS, UNLISTED, EnrichmentFiles, FileReport
from iolaus.logs.enrichment.lists import NetworkList, read_domains, read_networks
from iolaus.logs.enrichment.mmdb import AddressFile, country_text, read_mmdb
from iolaus.logs.enrichment.ranges import (
    UNKNOWN,
    Codes,
    Layer,
    Segments,
    align,
    nothing,
    overlay,
)

VERSIONS = (4, 6)
NO_KIND = len(KINDS)  # on none of the lists
KIND_NAMES = pa.array([*KINDS, UNLISTED])

EXCHANGE_FACTS = pa.schema([("network_kind", pa.string()), ("client_family", pa.string())])
ACCOUNT_FACTS = pa.schema(
    [
        ("signup_country", pa.string()),  # ISO 3166-1 alpha-2 of signup_ip
        ("signup_asn", pa.int64()),
        ("signup_network_kind", pa.string()),
        ("disposable_mail", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class Enrichment:
    """Compiled files. segments: by version, with columns country, AS number and kind.

    kind_measured: versions of addresses that at least one list or file of kinds speaks of.
    asn_kinds: for each of KINDS, the AS numbers on its lists. disposable: None without a list.
    """

    segments: dict[int, Segments]
    kind_measured: frozenset[int]
    asn_kinds: tuple[NDArray[np.int64], ...]
    disposable: frozenset[str] | None
    reports: tuple[FileReport, ...]

    @property
    def asn_listed(self) -> bool:
        """Whether any list has AS numbers."""
        return any(numbers.size for numbers in self.asn_kinds)


@dataclass
class Tally:
    """What was filled, in exchanges."""

    exchanges: int = 0
    country_filled: int = 0
    asn_filled: int = 0
    unreadable_addresses: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    clients: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, object]:
        """For run.json."""
        return {
            "exchanges": self.exchanges,
            "country_filled": self.country_filled,
            "asn_filled": self.asn_filled,
            "unreadable_addresses": self.unreadable_addresses,
            "network_kind": dict(sorted(self.kinds.items())),
            "client_family": dict(sorted(self.clients.items())),
        }


def compile_files(files: EnrichmentFiles) -> Enrichment:
    """Read every file. Raises ConfigError for one that is missing or of which nothing is usable."""
    address_files = [*map(read_mmdb, files.mmdb), *map(read_csv, files.csv)]
    listed = [[read_networks(path, kind) for path in files.lists(kind)] for kind in KINDS]
    mail = [read_domains(path) for path in files.disposable_mail]
    reports = [file.report for file in address_files]
    reports += [one.report for kind in listed for one in kind]
    segments, measured = {}, set()
    for version in VERSIONS:
        kinds = _kinds(address_files, listed, version)
        if (kinds.codes != UNKNOWN).any():
            measured.add(version)
        facts = [_fact(address_files, name, version) for name in ("country", "asn")]
        segments[version] = align([*facts, kinds])
    return Enrichment(
        segments,
        frozenset(measured),
        tuple(np.unique(np.concatenate([np.empty(0, np.int64), *(x.asns for x in kind)]))
              for kind in listed),
        frozenset[str]().union(*(domains for domains, _ in mail)) if mail else None,
        (*reports, *(report for _, report in mail)),
    )  # fmt: skip


def _fact(files: list[AddressFile], name: str, version: int) -> Layer:
    found: list[dict[int, Layer] | None] = [getattr(file, name) for file in files]
    return overlay([nothing(), *(layers[version] for layers in found if layers is not None)])


def _kinds(files: list[AddressFile], listed: list[list[NetworkList]], version: int) -> Layer:
    """The strongest kind of each address: a VPN's exit in a data centre is a VPN's exit."""
    layers = [
        Layer(layer.high, layer.low, np.where(layer.codes == UNKNOWN, UNKNOWN, number))
        for number, kind in enumerate(listed)
        for layer in (one.layers[version] for one in kind)
    ] + [file.kind[version] for file in files if file.kind is not None]
    cut = align([nothing(), *layers])
    strongest = np.full(len(cut.high), NO_KIND + 1, np.int64)
    for codes in cut.columns:
        strongest = np.where(codes == UNKNOWN, strongest, np.minimum(strongest, codes))
    return Layer(cut.high, cut.low, np.where(strongest > NO_KIND, UNKNOWN, strongest))


def enrich(
    batches: Iterable[pa.RecordBatch], enrichment: Enrichment, tally: Tally | None = None
) -> Iterator[pa.RecordBatch]:
    """Batches of exchanges with country and asn filled where null, and EXCHANGE_FACTS appended.

    In: client_ip, country, asn, user_agent and any other columns, which pass through.
    """
    for batch in batches:
        yield _enriched(batch, enrichment, tally)


def _enriched(batch: pa.RecordBatch, enrichment: Enrichment, tally: Tally | None) -> pa.RecordBatch:
    country, asn, kind, unreadable = _facts(batch["client_ip"], enrichment)
    country = pc.coalesce(batch["country"], country)
    asn = pc.coalesce(batch["asn"], asn)
    kinds = _named_kinds(kind, asn, enrichment)
    clients = families(batch["user_agent"])
    if tally is not None:
        _count(tally, batch, country, asn, kinds, clients, unreadable)
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    columns |= {"country": country, "asn": asn, "network_kind": kinds, "client_family": clients}
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _count(
    tally: Tally, batch: pa.RecordBatch, country: pa.Array, asn: pa.Array, kinds: pa.Array,
    clients: pa.Array, unreadable: int,
) -> None:  # fmt: skip
    tally.exchanges += batch.num_rows
    tally.country_filled += batch["country"].null_count - country.null_count
    tally.asn_filled += batch["asn"].null_count - asn.null_count
    tally.unreadable_addresses += unreadable
    for counter, column in ((tally.kinds, kinds), (tally.clients, clients)):
        for pair in pc.value_counts(column.drop_null()).to_pylist():
            counter[pair["values"]] += pair["counts"]


def enrich_accounts(accounts: pa.Table, enrichment: Enrichment) -> pa.Table:
    """Accounts with ACCOUNT_FACTS appended. In: signup_ip, email_domain and any other columns."""
    country, asn, kind, _ = _facts(_one(accounts["signup_ip"]), enrichment)
    kinds = _named_kinds(kind, asn, enrichment)
    mail = _disposable(_one(accounts["email_domain"]), enrichment.disposable)
    for column, values in zip(ACCOUNT_FACTS, (country, asn, kinds, mail), strict=True):
        accounts = accounts.append_column(column, values)
    return accounts


def account_tally(accounts: pa.Table) -> dict[str, object]:
    """Of how many accounts each of ACCOUNT_FACTS is known (kinds of networks: each; mail: how many
    are disposable), for the run's record; empty for accounts without these columns."""
    if not set(ACCOUNT_FACTS.names) <= set(accounts.column_names):
        return {}
    known = {
        name: accounts.num_rows - accounts[name].null_count
        for name in ("signup_country", "signup_asn")
    }
    kinds = pc.value_counts(accounts["signup_network_kind"].drop_null()).to_pylist()
    return {
        "accounts": accounts.num_rows,
        **known,
        "signup_network_kind": {k["values"]: k["counts"] for k in sorted(kinds, key=str)},
        "disposable_mail": pc.sum(accounts["disposable_mail"]).as_py() or 0,
    }


def _facts(addresses: pa.Array, enrichment: Enrichment) -> tuple[pa.Array, pa.Array, Codes, int]:
    """Per row: country, AS number, kind by address; and the rows whose address is unreadable.

    Each distinct address of the batch is parsed and searched for once.
    """
    folded = addresses.dictionary_encode()
    found = parse(folded.dictionary)
    country, asn, kind = (np.full(len(found.version), UNKNOWN, np.int64) for _ in range(3))
    for version in VERSIONS:
        rows = np.flatnonzero(found.version == version)
        segments = enrichment.segments[version]
        at = segments.at(found.high[rows], found.low[rows])
        for column, codes in zip((country, asn, kind), segments.columns, strict=True):
            column[rows] = codes[at]
        if version in enrichment.kind_measured:
            kind[rows] = np.where(kind[rows] == UNKNOWN, NO_KIND, kind[rows])
    codes, back = np.unique(country, return_inverse=True)
    texts = pa.array([None if c == UNKNOWN else country_text(int(c)) for c in codes], pa.string())
    indices = folded.indices
    row_of = pc.fill_null(indices.cast(pa.int64()), len(kind)).to_numpy()
    bad = np.append(found.version == 0, False)[row_of]
    return (
        texts.take(pa.array(back)).take(indices),
        pa.array(asn, mask=asn == UNKNOWN).take(indices),
        np.append(kind, UNKNOWN)[row_of],
        int(bad.sum()),
    )


def _named_kinds(kind: Codes, asn: pa.Array, enrichment: Enrichment) -> pa.Array:
    """The kind's name per row; lists of AS numbers speak of every row whose number is known."""
    if enrichment.asn_listed:
        numbers = pc.fill_null(asn, UNKNOWN).to_numpy()
        best = np.where(kind == UNKNOWN, np.where(numbers == UNKNOWN, UNKNOWN, NO_KIND), kind)
        for code, listed in enumerate(enrichment.asn_kinds):
            best = np.where(np.isin(numbers, listed) & (best > code), code, best)
        kind = best
    return KIND_NAMES.take(pa.array(kind, mask=kind == UNKNOWN))


def _disposable(domains: pa.Array, listed: frozenset[str] | None) -> pa.Array:
    """Whether the domain, or one that it stands under, is listed; null where not measured."""
    if listed is None:
        return pa.nulls(len(domains), pa.bool_())
    folded = domains.dictionary_encode()
    known = pa.array([_under(text, listed) for text in folded.dictionary.to_pylist()], pa.bool_())
    return known.take(folded.indices)


def _under(domain: str, listed: frozenset[str]) -> bool:
    """x.mail.example is under mail.example; nothing is under a top-level domain alone."""
    labels = domain.strip().strip(".").lower().split(".")
    return any(".".join(labels[i:]) in listed for i in range(max(1, len(labels) - 1)))


def _one(column: pa.ChunkedArray) -> pa.Array:
    """One array of a table's column."""
    joined = column.combine_chunks()
    if isinstance(joined, pa.ChunkedArray):
        joined = joined.chunk(0) if joined.num_chunks else pa.array([], column.type)
    return joined
