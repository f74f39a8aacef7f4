"""MaxMind DB files (and compatible ones): country, AS number and kind of network per address."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from iolaus.core.errors import ConfigError
from iolaus.logs.enrichment.files import KINDS, FileReport, reading
from iolaus.logs.enrichment.mmdb_tree import DamagedTreeError, Networks, walk
from iolaus.logs.enrichment.ranges import UNKNOWN, Layer, flatten

_AS_NUMBER: Final = re.compile(r"(?i)^(?:AS)?(\d{1,10})$")
_COUNTRY: Final = re.compile(r"^[A-Za-z]{2}$")
NO_COUNTRY: Final = frozenset({"ZZ", "XX", "AP", "EU"})  # unknown, or no country
LARGEST_ASN = 2**32 - 1
# Fields that say what an address is used for (GeoIP2 Anonymous IP; IPinfo privacy) -> KINDS.
_USED_FOR: Final = {
    "is_tor_exit_node": "tor", "tor": "tor",
    "is_anonymous_vpn": "vpn", "vpn": "vpn",
    "is_public_proxy": "proxy", "is_residential_proxy": "proxy", "proxy": "proxy",
    "is_hosting_provider": "data_centre", "hosting": "data_centre",
}  # fmt: skip


@dataclass(frozen=True)
class AddressFile:
    """What a file says of addresses, by fact and version; None where it has no such field.

    country: codes are `country_code` numbers; asn: AS numbers; kind: index into KINDS, len(KINDS)
    for addresses that the file knows and that are none of them.
    """

    country: dict[int, Layer] | None
    asn: dict[int, Layer] | None
    kind: dict[int, Layer] | None
    report: FileReport


def country_code(text: object) -> int:
    """Two letters as a number, UNKNOWN for anything else: 'DE' and 'de' are 68 * 256 + 69."""
    if not isinstance(text, str) or not _COUNTRY.match(text) or text.upper() in NO_COUNTRY:
        return UNKNOWN
    first, second = text.upper().encode()
    return first * 256 + second


def country_text(code: int) -> str:
    """The reverse of `country_code`."""
    return bytes(divmod(code, 256)).decode()


def as_number(value: object) -> int:
    """64500 of 64500, '64500' or 'AS64500'; UNKNOWN for 0 and anything else."""
    match = _AS_NUMBER.match(str(value).strip())
    number = int(match[1]) if match else 0
    return number if 0 < number <= LARGEST_ASN else UNKNOWN


def read_mmdb(path: Path) -> AddressFile:
    """All networks of a file: 1 million in about a second. Raises ConfigError.

    The tree is walked at once (mmdb_tree); each distinct record is decoded by the library, through
    one address that has it.
    """
    with reading(path, "mmdb") as report:
        try:
            networks, facts = _read(path)
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise ConfigError(
                f"is no readable MMDB file: {str(error)[:200]}.",
                where=f"[enrichment] mmdb: {path}",
                next_step="Download it again; files must be unpacked (.mmdb, not .tar.gz).",
            ) from error
        report.entries = len(networks.record)
    blocks = {version: networks.blocks(version) for version in (4, 6)}
    layers: list[dict[int, Layer] | None] = []
    for codes in facts.T:
        if (codes == UNKNOWN).all():
            layers.append(None)
            continue
        layers.append({v: flatten(found, codes[record]) for v, (found, record) in blocks.items()})
    return AddressFile(layers[0], layers[1], layers[2], report)


def _read(path: Path) -> tuple[Networks, NDArray[np.int64]]:
    """The networks, and (country, AS number, kind) of each distinct record.

    The library's errors about damaged files are RuntimeError (InvalidDatabaseError) or whatever
    its own checks let through; the reader is the one in Python, which no file can crash.
    """
    try:
        from maxminddb import MODE_MEMORY, InvalidDatabaseError
        from maxminddb.reader import Reader
    except ImportError as error:
        raise ConfigError(
            "reading MMDB files needs the package maxminddb.",
            where=str(path),
            next_step="Install it: pip install maxminddb.",
        ) from error
    try:
        with Reader(path, MODE_MEMORY) as database:
            about = database.metadata()
            sizes = (about.node_count, about.record_size, about.ip_version)
            if any(type(size) is not int for size in sizes) or about.ip_version not in (4, 6):
                raise DamagedTreeError("its metadata are wrong")
            networks = walk(path.read_bytes(), *sizes)
            address = IPv4Address if about.ip_version == 4 else IPv6Address
            _, first = np.unique(networks.record, return_index=True)
            ends = zip(networks.high[first].tolist(), networks.low[first].tolist(), strict=True)
            facts = [_facts(database.get(address(high << 64 | low))) for high, low in ends]
    except InvalidDatabaseError as error:
        raise DamagedTreeError(str(error)) from error
    return networks, np.asarray(facts, np.int64).reshape(-1, 3)


def _facts(record: object) -> tuple[int, int, int]:
    """(country, AS number, kind) of one record."""
    if not isinstance(record, Mapping):
        return UNKNOWN, UNKNOWN, UNKNOWN
    traits = record.get("traits")
    flat = {**traits, **record} if isinstance(traits, Mapping) else record
    country = flat.get("country")
    if isinstance(country, Mapping):  # GeoIP2, GeoLite2, DB-IP
        country = country.get("iso_code")
    code = country_code(country)
    if code == UNKNOWN:
        code = country_code(flat.get("country_code"))  # IPinfo Lite, where `country` is a name
    number = as_number(flat.get("autonomous_system_number", flat.get("asn")))
    return code, number, _kind(flat)


def _kind(record: Mapping[str, Any]) -> int:
    said = [name for name in _USED_FOR if name in record]
    if not said:
        return UNKNOWN
    yes = [KINDS.index(_USED_FOR[name]) for name in said if record[name] in (True, "true", "True")]
    return min(yes, default=len(KINDS))
