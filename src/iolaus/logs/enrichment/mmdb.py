"""MaxMind DB files (and compatible ones): country, AS number and kind of network per address."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from iolaus.core.errors import ConfigError
from iolaus.logs.enrichment.addresses import Blocks
from iolaus.logs.enrichment.files import KINDS, FileReport, reading
from iolaus.logs.enrichment.ranges import UNKNOWN, Layer, flatten

LOW = 2**64 - 1
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
    """All networks of a file. 5 to 10 microseconds a network. Raises ConfigError."""
    try:
        import maxminddb
    except ImportError as error:
        raise ConfigError(
            "reading MMDB files needs the package maxminddb.",
            where=str(path),
            next_step="Install it: pip install maxminddb.",
        ) from error
    networks, rows = _Networks(), []
    with reading(path, "mmdb") as report:
        try:
            with maxminddb.open_database(path) as database:
                for network, record in database:
                    row = _facts(record)
                    if row is not None:
                        networks.add(int(network.network_address), network.num_addresses)
                        rows.append((network.version, *row))
        except (maxminddb.InvalidDatabaseError, ValueError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"is no readable MMDB file: {str(error)[:200]}.",
                where=f"[enrichment] mmdb: {path}",
                next_step="Download it again; files must be unpacked (.mmdb, not .tar.gz).",
            ) from error
        report.entries = len(rows)
    version, *columns = np.asarray(rows, np.int64).T
    masks = {4: version == 4, 6: version == 6}
    layers: list[dict[int, Layer] | None] = []
    for codes in columns:
        if (codes == UNKNOWN).all():
            layers.append(None)
            continue
        layers.append({v: flatten(networks.blocks(mask), codes[mask]) for v, mask in masks.items()})
    return AddressFile(layers[0], layers[1], layers[2], report)


class _Networks:
    """First and last addresses, gathered one by one."""

    def __init__(self) -> None:
        self.ends: list[tuple[int, int, int, int]] = []

    def add(self, first: int, size: int) -> None:
        last = first + size - 1
        self.ends.append((first >> 64, first & LOW, last >> 64, last & LOW))

    def blocks(self, mask: np.ndarray[Any, np.dtype[np.bool_]]) -> Blocks:
        ends = np.asarray(self.ends, np.uint64)[mask]
        return Blocks(ends[:, 0], ends[:, 1], ends[:, 2], ends[:, 3], np.arange(len(ends)))


def _facts(record: object) -> tuple[int, int, int] | None:
    """(country, AS number, kind) of one record; None if it is no record."""
    if not isinstance(record, Mapping):
        return None
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
