"""Strengths: what of the seed's draws is set by hand, so that results become curves."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from iolaus.core.errors import ConfigError
from iolaus.worlds.attacks.attack import Attack

# Name -> least and most. Each is the field of that name of every operator's Attack.
STRENGTHS: Final[dict[str, tuple[float, float]]] = {
    "cover": (0.0, 0.9),  # share of exchanges that are ordinary prompts
    "unique": (0.0, 1.0),  # share of accounts with card, device, mail and address all their own
    "jitter": (0.0, 24.0 * 45),  # hours
    "paraphrase": (0.0, 1.0),  # share of prompts without common wording
    "per_account": (1.0, 100_000.0),  # mean exchanges per account, cover included
}


def apply(attacks: tuple[Attack, ...], strength: Mapping[str, float]) -> tuple[Attack, ...]:
    """The operators with these strengths. Raises ConfigError for an unknown name or value."""
    for name, value in strength.items():
        if name not in STRENGTHS:
            raise ConfigError(f"no strength '{name}'.", next_step=f"Known: {', '.join(STRENGTHS)}.")
        least, most = STRENGTHS[name]
        if not least <= value <= most:
            raise ConfigError(
                f"strength {name}={value:g} is out of range.",
                next_step=f"Give {least:g} to {most:g}.",
            )
    values: dict[str, Any] = {name: float(value) for name, value in strength.items()}
    return tuple(replace(attack, **values) for attack in attacks)
