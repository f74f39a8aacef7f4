"""Honest populations: name -> builder and share of the honest accounts."""

from collections.abc import Callable
from typing import Final

import numpy as np

from iolaus.worlds.benign import companies, crowds, individuals
from iolaus.worlds.model import Cohort
from iolaus.worlds.people import Stage

Builder = Callable[[Stage, int, np.random.Generator], Cohort]

# Shares sum to 1. Web users and developers are most; the look-alikes are enough to be counted.
POPULATIONS: Final[dict[str, tuple[Builder, float]]] = {
    "web_user": (individuals.web_users, 0.27),
    "developer": (individuals.developers, 0.19),
    "framework_user": (crowds.framework_users, 0.17),
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
}
LARGEST: Final = {"synthetic_data_job": 8, "class": 200, "hackathon": 250, "reseller": 400}
