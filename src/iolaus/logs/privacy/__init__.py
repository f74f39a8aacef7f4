"""Pseudonyms, sealed texts, retention, and what a person may ask for."""

from iolaus.logs.privacy.access import AccessLog, Asking
from iolaus.logs.privacy.erasure import Erasure, erase_accounts, totals
from iolaus.logs.privacy.exports import export_accounts
from iolaus.logs.privacy.keys import Keys, add_key, read_keys, refuse_inside
from iolaus.logs.privacy.protect import Protected, Protector
from iolaus.logs.privacy.pseudonyms import (
    ALIASES,
    PURPOSES,
    Pseudonymiser,
    candidates,
    resolved,
    unify,
)
from iolaus.logs.privacy.renaming import rename_store
from iolaus.logs.privacy.store import Expired, excerpts, expire
from iolaus.logs.privacy.text import (
    POLICIES,
    SEALED,
    require_cryptography,
    seal,
    unseal,
    without_text,
)

__all__ = [
    "ALIASES",
    "POLICIES",
    "PURPOSES",
    "SEALED",
    "AccessLog",
    "Asking",
    "Erasure",
    "Expired",
    "Keys",
    "Protected",
    "Protector",
    "Pseudonymiser",
    "add_key",
    "candidates",
    "erase_accounts",
    "excerpts",
    "expire",
    "export_accounts",
    "read_keys",
    "refuse_inside",
    "rename_store",
    "require_cryptography",
    "resolved",
    "seal",
    "totals",
    "unify",
    "unseal",
    "without_text",
]
