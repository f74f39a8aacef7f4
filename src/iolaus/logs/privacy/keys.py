"""Keys of pseudonyms and of encrypted texts: a file outside the store, newest key last.

    # ID SECRET, one key a line; the last one writes, the others are still understood
    k1 9f0c...  (64 or more hexadecimal digits)
    k2 41d7...

Every use has a subkey of its own, so that no value of one column can be compared with another's.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from iolaus.core.errors import ConfigError
from iolaus.core.files import aside

SECRET_BYTES = 32  # as long as what SHA-256 gives
READABLE_BY_ALL = 0o004
_LINE: Final = re.compile(r"^([a-z0-9]{1,12})\s+([0-9a-fA-F]{64,512})$")
_NUMBERED: Final = re.compile(r"^k([0-9]+)$")
_SUFFIX = "It must lie outside the log, the store and the results, and only its user may read it."


@dataclass(frozen=True)
class Key:
    """`name` stands in every pseudonym; `secret` never appears in a message."""

    name: str
    secret: bytes = field(repr=False)

    def subkey(self, purpose: str) -> bytes:
        """32 bytes for one purpose, such as 'account' or 'text'."""
        return hmac.digest(self.secret, b"iolaus/1/" + purpose.encode(), hashlib.sha256)


@dataclass(frozen=True)
class Keys:
    """All keys, oldest first; at least one."""

    all: tuple[Key, ...]

    @property
    def newest(self) -> Key:
        return self.all[-1]

    @property
    def older(self) -> tuple[Key, ...]:
        return self.all[:-1]

    def named(self, name: str) -> Key:
        """Raises ConfigError where the key has been taken out of the file."""
        for key in self.all:
            if key.name == name:
                return key
        raise ConfigError(
            f"there is no key '{name}', under which this was written.",
            where="[privacy] keys",
            next_step="Put its line back into the key file, before the newest key's.",
        )


def read_keys(path: Path) -> Keys:
    """Read a key file. Raises ConfigError; no message repeats a secret."""
    where = f"[privacy] keys: {path}"
    try:
        text = path.read_text(encoding="ascii")
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise ConfigError(
            "there is no key file.",
            where=where,
            next_step=f"Make one: iolaus privacy new-key FILE. {_SUFFIX}",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not plain text"
        raise ConfigError(f"cannot be read: {reason}.", where=where, next_step=_SUFFIX) from error
    if mode & READABLE_BY_ALL:
        raise ConfigError(
            "every user of this machine can read the key file.",
            where=where,
            next_step="chmod 600 it (or 640, for a group of its own).",
        )
    return _parsed(text, where)


def _parsed(text: str, where: str) -> Keys:
    found: list[Key] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#")[0].strip()
        if not words:
            continue
        match = _LINE.match(words)
        if match is None or len(match[2]) % 2:
            raise ConfigError(
                f"line {number} is no key.",
                where=where,
                next_step="Write ID SECRET: up to 12 lower-case letters and digits, then 64 or "
                "more hexadecimal digits.",
            )
        key = Key(match[1], bytes.fromhex(match[2]))
        if any(key.name == other.name or key.secret == other.secret for other in found):
            raise ConfigError(f"line {number} repeats a name or a secret.", where=where)
        found.append(key)
    if not found:
        raise ConfigError(
            "has no key.", where=where, next_step="Make one: iolaus privacy new-key FILE."
        )
    return Keys(tuple(found))


def add_key(path: Path) -> Key:
    """Append a new key, the newest from now on; makes the file (mode 600) where there is none.

    The secret comes from the system's generator: it is the one thing that no seed may decide.
    """
    older = read_keys(path).all if path.exists() else ()
    old = path.read_text(encoding="ascii") if older else ""
    mode = path.stat().st_mode & 0o777 if older else 0o600
    # Past the highest, not the count: a name that was taken out still stands in what it wrote.
    number = 1 + max((int(n[0]) for k in older if (n := _NUMBERED.findall(k.name))), default=0)
    key = Key(f"k{number}", secrets.token_bytes(SECRET_BYTES))
    gap = "\n" if old and not old.endswith("\n") else ""
    try:
        with aside(path) as temporary:
            temporary.touch(mode=0o600)
            temporary.chmod(mode)
            temporary.write_text(f"{old}{gap}{key.name} {key.secret.hex()}\n", encoding="ascii")
    except OSError as error:
        raise ConfigError(
            f"cannot be written: {error.strerror}.",
            where=f"[privacy] keys: {path}",
            next_step="Choose a directory that you may write to.",
        ) from error
    return key


def refuse_inside(keys: Path, *directories: Path) -> None:
    """Raise ConfigError where the key file lies in a directory that holds what it protects."""
    for directory in directories:
        if directory.resolve() in keys.resolve().parents:
            raise ConfigError(
                "the key file lies beside what it protects.",
                where=f"[privacy] keys: {keys}",
                next_step=f"Move it out of {directory}: whoever copies one must not get the other.",
            )
