"""`iolaus receive`: runs the OTLP receiver until it is told to stop."""

import signal
import threading
from collections.abc import Mapping
from pathlib import Path

from iolaus.app.options import seconds
from iolaus.app.progress import say
from iolaus.core.errors import ConfigError
from iolaus.engine.sizes import size_in_bytes
from iolaus.logs import mapping as mapping_file
from iolaus.logs.mapping import Rule

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def receive(
    log: Path,
    *,
    grpc: str,
    http: str,
    mapping: Path | None,
    seal_every: str,
    backlog: str,
) -> None:
    """Receive into `log` until SIGTERM or SIGINT, then store what is left. See docs/logs."""
    receiver_class, address_class = _library()
    addresses = {"--grpc": _address(grpc, "--grpc"), "--http": _address(http, "--http")}
    if not any(addresses.values()):
        raise ConfigError("there is nothing to listen on.", next_step="Leave --grpc or --http on.")
    receiver = receiver_class(
        log,
        grpc=address_class(*addresses["--grpc"]) if addresses["--grpc"] else None,
        http=address_class(*addresses["--http"]) if addresses["--http"] else None,
        rules=_rules(log, mapping),
        seal_seconds=seconds(seal_every, "--seal-every"),
        backlog_bytes=size_in_bytes(backlog),
        say=say,
    )
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    with receiver:
        for name, host in ((n, a[0]) for n, a in addresses.items() if a):
            port = receiver.grpc if name == "--grpc" else receiver.http
            warning = "" if host in LOOPBACK else " (anyone who reaches it can add to the log)"
            say(f"{name[2:]}: listening on {host}:{port}{warning}")
        told.wait()
        say("stopping: storing what is left")
    shown = ", ".join(f"{name} {count:,}" for name, count in receiver.counts().items())
    say(f"the log holds: {shown or 'nothing yet'}")


def _library() -> tuple[type, type]:
    try:
        from iolaus.logs.receiver import Address, Receiver
    except ImportError as error:
        raise ConfigError(
            f"the receiver needs a package that is missing ({error.name}).",
            next_step="pip install 'iolaus[otlp]'",
        ) from error
    return Receiver, Address


def _rules(log: Path, mapping: Path | None) -> Mapping[str, Rule]:
    """Of the mapping file. In the log it would be applied again, to columns already mapped."""
    if mapping is None and (log / mapping_file.FILE).exists():
        raise ConfigError(
            "a receiver's mapping must not lie in its log: scans would apply it a second time.",
            where=str(log / mapping_file.FILE),
            next_step="Move it elsewhere, and give it with --mapping.",
        )
    return mapping_file.load(mapping).rules("exchanges") if mapping else {}


def _address(text: str, option: str) -> tuple[str, int] | None:
    """HOST:PORT; `off` for none."""
    if text == "off":
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise ConfigError(
            f"{option} is '{text}'.", next_step=f"Write {option} 127.0.0.1:4317, or {option} off."
        )
    return host.strip("[]") if option == "--http" else host, int(port)
