"""Tests on a pooled group: power grows with the number of accounts, and each brings its null."""

from iolaus.campaigns.scene import Finding, Scene, Suspect
from iolaus.campaigns.tests import (
    claimed_country,
    claimed_hours,
    concealment,
    deception,
    failover,
    handover,
    harvest,
    held_out,
    identifiers,
    overlap,
    pivot,
    rhythm,
    tempo,
)

_TESTS = (
    identifiers.examine,
    held_out.examine,
    tempo.examine,
    rhythm.examine,
    pivot.examine,
    failover.examine,
    handover.examine,
    overlap.examine,
    claimed_country.examine,
    deception.examine,
    claimed_hours.examine,
    harvest.examine,
)


# Those that compare with coherent groups; the others do not know them.
_BY_GROUPS = (
    tempo.examine,
    rhythm.examine,
    pivot.examine,
    claimed_country.examine,
    deception.examine,
    claimed_hours.examine,
    harvest.examine,
)


def examine(suspect: Suspect, scene: Scene) -> list[Finding]:
    """Every test's findings, those that could not be measured included."""
    findings = [finding for test in _TESTS for finding in test(suspect, scene)]
    return [*findings, concealment.examine(suspect, scene, findings)]


def examine_again(suspect: Suspect, scene: Scene, before: list[Finding]) -> list[Finding]:
    """The findings of a group that was examined before, in a scene with other coherent groups."""
    new = {finding.detector: finding for test in _BY_GROUPS for finding in test(suspect, scene)}
    findings = [new.get(f.detector, f) for f in before if f.detector != concealment.DETECTOR]
    return [*findings, concealment.examine(suspect, scene, findings)]
