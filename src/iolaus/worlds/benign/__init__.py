"""Honest populations, and the mixes of them that worlds are made of: `populations(name)`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from iolaus.core.errors import ConfigError
from iolaus.worlds.benign import companies, crowds, individuals, teams, trends
from iolaus.worlds.model import Cohort
from iolaus.worlds.people import Stage, spread

Builder = Callable[[Stage, int, np.random.Generator], Cohort]
Shares = Mapping[str, tuple[Builder, float]]

LEAST: Final = 3  # accounts of a population, so that each is in every world


@dataclass(frozen=True)
class Mix:
    """Population -> builder and share of the honest accounts; shares are relative."""

    table: Shares

    @property
    def least(self) -> int:
        """Honest accounts that a world of this mix needs."""
        return LEAST * len(self.table)

    def sizes(self, count: int) -> dict[str, int]:
        """Accounts of each population; they sum to `count`, which is `least` or more."""
        shares = np.array([share for _, share in self.table.values()])
        counts = spread(shares, count, LEAST)
        return {name: int(n) for name, n in zip(self.table, counts, strict=True)}

    def build(
        self, stage: Stage, count: int, rng: Callable[[str], np.random.Generator]
    ) -> dict[str, Cohort]:
        """Every population's accounts; `rng(name)` is the generator of one population."""
        sizes = self.sizes(count)
        return {name: make(stage, sizes[name], rng(name)) for name, (make, _) in self.table.items()}


# Shares sum to 1. Web users and developers are most; the look-alikes are enough to be counted.
POPULATIONS: Final[Shares] = {
    "web_user": (individuals.web_users, 0.231),
    "developer": (individuals.developers, 0.18),
    "framework_user": (crowds.framework_users, 0.13),
    "enterprise": (companies.enterprises, 0.06),
    "campus_nat": (crowds.campus, 0.05),
    "carrier_nat": (crowds.carrier, 0.05),
    "vpn_user": (individuals.vpn_users, 0.05),
    "saas": (companies.saas, 0.035),
    "reseller": (companies.reseller, 0.03),
    "family": (individuals.families, 0.03),
    "evaluator": (crowds.evaluators, 0.02),
    "class": (crowds.classroom, 0.02),
    "hackathon": (crowds.hackathon, 0.02),
    "synthetic_data_job": (companies.synthetic_data, 0.005),
    "small_company": (teams.small_companies, 0.015),
    "agency": (teams.agencies, 0.008),
    "lab": (teams.labs, 0.008),
    "annotator": (teams.annotators, 0.007),
    "aggregator_customer": (teams.aggregator_customers, 0.012),
    "prompt_pack": (trends.prompt_packs, 0.012),
    "flash_crowd": (trends.flash_crowds, 0.01),
    "course": (trends.courses, 0.008),
    "shop_account": (trends.shop_accounts, 0.005),
    "stolen_card": (individuals.stolen_cards, 0.004),
}
# Nine in ten accounts look like a campaign in some way, and none is one.
LOOKALIKES: Final[Shares] = {
    "web_user": (individuals.web_users, 0.05),
    "developer": (individuals.developers, 0.05),
    "framework_user": (crowds.framework_users, 0.08),
    "enterprise": (companies.enterprises, 0.08),
    "campus_nat": (crowds.campus, 0.05),
    "carrier_nat": (crowds.carrier, 0.05),
    "vpn_user": (individuals.vpn_users, 0.06),
    "saas": (companies.saas, 0.04),
    "reseller": (companies.reseller, 0.07),
    "family": (individuals.families, 0.02),
    "evaluator": (crowds.evaluators, 0.05),
    "class": (crowds.classroom, 0.05),
    "hackathon": (crowds.hackathon, 0.03),
    "synthetic_data_job": (companies.synthetic_data, 0.01),
    "small_company": (teams.small_companies, 0.05),
    "agency": (teams.agencies, 0.03),
    "lab": (teams.labs, 0.03),
    "annotator": (teams.annotators, 0.03),
    "aggregator_customer": (teams.aggregator_customers, 0.04),
    "prompt_pack": (trends.prompt_packs, 0.04),
    "flash_crowd": (trends.flash_crowds, 0.03),
    "course": (trends.courses, 0.02),
    "shop_account": (trends.shop_accounts, 0.02),
    "stolen_card": (individuals.stolen_cards, 0.02),
}
_MIXES: Final[Mapping[str, Shares]] = {"ordinary": POPULATIONS, "lookalikes": LOOKALIKES}


def populations(name: str) -> Mix:
    """The mix of that name: ordinary, lookalikes. Raises ConfigError for another."""
    if name not in _MIXES:
        raise ConfigError(
            f"no mix of populations '{name}'.", next_step=f"One of: {', '.join(_MIXES)}."
        )
    return Mix(_MIXES[name])
