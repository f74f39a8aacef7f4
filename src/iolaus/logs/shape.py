"""What a known JSON format must offer, and small helps to read it without trusting it.

A record of a foreign log may hold anything anywhere. A shape never raises: what has another type
than the format promises is passed on where the contract's own check will reject it, or is null
where only a part of a text is lost.
"""

from ipaddress import ip_address, ip_network
from socket import AF_INET, inet_pton
from typing import Any, Final, Protocol

from iolaus.logs.mapping import Record
from iolaus.logs.rejects import Cause, Fault

# First byte of an IPv4 address that is ours -> its second: RFC 1918; carriers and pods, host, link.
OURS_BY_BYTES: Final = {
    10: range(256),
    172: range(16, 32),
    192: range(168, 169),
    100: range(64, 128),
    127: range(256),
    169: range(254, 255),
}
OURS: Final = tuple(map(ip_network, ("fc00::/7", "::1/128", "fe80::/10")))


class Shape(Protocol):
    """One known format: its record -> a row with the contract's names."""

    def row(self, record: Record, wanted: frozenset[str]) -> Record | Fault:
        """The wanted columns, those that are null left out; or why this record is no exchange.

        Texts are only looked for when wanted.
        """


def at(value: Any, *keys: str) -> Any:
    """value[key][key]...; null where there is no object or no such key."""
    for key in keys:
        if type(value) is not dict:
            return None
        value = value.get(key)
    return value


def within(value: Any) -> Record:
    """The object itself; an empty one instead of anything else."""
    return value if type(value) is dict else {}


def present(row: Record) -> Record:
    """The row without its nulls, so that a column that never has a value counts as missing."""
    return {name: value for name, value in row.items() if value is not None}


def either(*values: Any) -> Any:
    """The first that is not null."""
    for value in values:
        if value is not None:
            return value
    return None


def named(value: Any) -> Any:
    """An identifier: an empty text is none, and a whole number becomes text."""
    if type(value) is int:
        return str(value)
    return None if value == "" else value


def client_address(forwarded: Any, peer: Any = None) -> Any:
    """The client's address from an X-Forwarded-For list and the address that was connected to us.

    Read from the right, past private addresses (our own proxies): what stands on the left of a
    public address is only what that client claims. The peer counts as the leftmost, since the list
    ends with whoever called the proxy that wrote it.
    """
    if type(forwarded) is not str:
        return without_port(peer)
    hops = [without_port(hop.strip()) for hop in forwarded.split(",")]
    hops = [without_port(peer), *hops] if type(peer) is str else hops
    there = [hop for hop in reversed(hops) if hop]
    if len(there) < 2:
        return there[0] if there else None
    return next((hop for hop in there if not _is_ours(hop)), there[0])


def _is_ours(text: str) -> bool:
    """An address that cannot come from the Internet: a proxy, a pod, this host."""
    try:
        one, two, *_ = inet_pton(AF_INET, text)  # 20 times as fast as ipaddress
    except (OSError, ValueError):
        return _is_ours_of_ipv6(text)
    return one in OURS_BY_BYTES and two in OURS_BY_BYTES[one]


def _is_ours_of_ipv6(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in OURS)


def without_port(value: Any) -> Any:
    """'10.0.0.1:443' -> '10.0.0.1'; '[::1]:443' -> '::1'. Addresses alone stay as they are."""
    if type(value) is not str:
        return value
    if value.startswith("["):
        return value[1:].split("]", 1)[0] or None
    return value.rsplit(":", 1)[0] if value.count(":") == 1 else value or None


def in_utc(value: Any) -> Any:
    """A time text of a source that documents its times as UTC and writes no zone -> with one."""
    if type(value) is not str or len(value) < 19 or "T" not in value.replace(" ", "T")[:11]:
        return value
    return value if value[-1] in "Zz" or "+" in value or "-" in value[11:] else f"{value}Z"


def total(*values: Any) -> Any:
    """The sum of counts; null if none is there. The first that is no count stands for all."""
    there = [value for value in values if value is not None]
    odd = next((value for value in there if type(value) is not int), None)
    return odd if odd is not None else sum(there) if there else None


def counted(value: Any) -> int | None:
    """How many there are in a list; null if it is none."""
    return len(value) if type(value) is list else None


def not_an_exchange(what: str, found: Any) -> Fault:
    """A record of the log that is no request to a model, such as a span or an embedding's."""
    shown = found if type(found) is str else type(found).__name__
    return Fault(Cause.NOT_EXCHANGE, f"{what}: {shown}")
