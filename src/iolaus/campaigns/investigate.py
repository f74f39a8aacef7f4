"""From tokens to verdicts, as of an instant. Reads top to bottom as the method does."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np

from iolaus.campaigns.behaviour import behaviour
from iolaus.campaigns.candidates import WHOLE, Candidate, candidates
from iolaus.campaigns.clusters import cluster
from iolaus.campaigns.content import Content
from iolaus.campaigns.divide import divide
from iolaus.campaigns.firms import without_firms
from iolaus.campaigns.judge import Judged, judge
from iolaus.campaigns.known import Known
from iolaus.campaigns.links import Forecast, Links, forecast, link
from iolaus.campaigns.nulls import coherent_groups, strata
from iolaus.campaigns.scene import Finding, Scene, Suspect
from iolaus.campaigns.settle import settle
from iolaus.campaigns.stage_tables import (
    findings_from,
    findings_table,
    groups_from,
    groups_table,
    links_from,
    links_table,
    resumed,
)
from iolaus.campaigns.tests import examine, examine_again
from iolaus.campaigns.token_matrix import TokenMatrix, token_matrix
from iolaus.campaigns.unite import unite
from iolaus.campaigns.wordings import Division, divisions
from iolaus.core.threads import in_order, one_blas_thread, side_by_side
from iolaus.engine import Engine, Table

NOBODY = np.empty(0, dtype=np.int64)
# What an ablation may leave out.
STEPS = ("second judging", "settling", "uniting", "dividing", "parting firms")
Progress = Callable[[str, int, int], None]  # step, done, total


@dataclass(frozen=True)
class Investigation:
    """What was found, and what it was found in (for results and pictures)."""

    judged: list[Judged]
    scene: Scene
    forecast: Forecast


@dataclass(frozen=True)
class Looked:
    """The tokens of a look: all of them; those of the even days, to link by; and the addresses and
    moments of the odd days, to test those links with; and what each account asks about."""

    tokens: Table
    even_days: Table
    odd_days: Table
    content: Content


@one_blas_thread
def investigate(
    engine: Engine,
    looked: Looked,
    until: date,
    *,
    fdr: float,
    seed: int,
    known: Known | None = None,
    without: frozenset[str] = frozenset(),
    threads: int = 1,
    progress: Progress = lambda step, done, total: None,
) -> Investigation:
    """Look at the days before `until`.

    `known`: campaigns that earlier looks raised; their groups pay for each other alone.
    `without` is for ablation: "tokens:money" leaves out a family of evidence, one of STEPS that
    step, any other name the test (detector) that is called so. `threads`: groups that are grown
    and tested at a time; no result depends on it.
    In: accounts, profiles, beats, address_days, operator_days, shared_prompts, model_uses,
    releases, enforcement.
    """
    looked = _leave_out(engine, looked, without)
    accounts = looked.content.counts.size

    def loaded() -> tuple[TokenMatrix, tuple[Division, ...]]:
        matrix = token_matrix(looked.tokens, accounts)
        return matrix, divisions(matrix, looked.content, seed)

    def grown() -> list[Candidate]:
        return candidates(
            cluster(links, accounts, seed),
            matrix,
            looked.content,
            seen.claims,
            divided,
            lambda done, total: progress("group", done, total),
            threads,
        )

    seen, (matrix, divided) = side_by_side(lambda: behaviour(engine, until), loaded, threads)
    plan = forecast(engine, looked.tokens, accounts)
    progress("link", 0, plan.total)
    links = _linked(engine, looked.tokens, lambda: matrix, looked.content, plan, seed)
    progress("link", plan.total, plan.total)
    name = f"groups_of_{looked.tokens.name}"
    groups, even_links = side_by_side(
        lambda: resumed(engine, name, grown, groups_table, groups_from),
        lambda: _even_links(engine, looked, accounts, seed),
        threads,
    )
    scene = Scene(
        engine=engine,
        until=until,
        seen=seen,
        tokens=matrix,
        content=looked.content,
        links=links,
        plan=plan,
        even_links=even_links,
        odd_tokens=token_matrix(looked.odd_days, accounts),
        strata=strata(seen),
        groups=coherent_groups(matrix, seen, seed),
        known=(known or Known.nothing()).numbers(seen.claims["account_id"]),
        seed=seed,
    )
    findings = resumed(
        engine,
        f"findings_of_{looked.tokens.name}",
        lambda: _examine_all(groups, scene, threads, progress),
        findings_table,
        findings_from,
    )
    tested = [_but(one, without) for one in findings]
    judged = judge(list(zip(groups, tested, strict=True)), scene, fdr)
    judged = _judge_again(judged, findings, scene, fdr, without, threads, progress)
    judged = _united(judged, scene, divided, fdr, without, progress)
    return Investigation(judged, scene, plan)


def _leave_out(engine: Engine, looked: Looked, without: frozenset[str]) -> Looked:
    """The same look without the families named "tokens:..."."""
    families = sorted(name.removeprefix("tokens:") for name in without if "tokens:" in name)
    content = looked.content
    if "content" in families:
        content = Content(np.full_like(content.vectors, np.nan), np.zeros_like(content.counts))
    if not families:
        return looked
    listed = ", ".join(f"'{family}'" for family in families)

    def rest(table: Table) -> Table:
        return engine.step(
            f"{table.name}_without_{'_'.join(families)}",
            f"""
            SELECT account, family, kind, value, exchanges, holders FROM {table.name}
            WHERE family NOT IN ({listed}) ORDER BY kind, value, account
            """,
        )

    return Looked(rest(looked.tokens), rest(looked.even_days), rest(looked.odd_days), content)


def _but(findings: list[Finding], without: frozenset[str]) -> list[Finding]:
    return [finding for finding in findings if finding.detector not in without]


def _linked(
    engine: Engine,
    table: Table,
    tokens: Callable[[], TokenMatrix],
    content: Content,
    plan: Forecast,
    seed: int,
) -> Links:
    return resumed(
        engine,
        f"links_of_{table.name}",
        lambda: link(engine, table, tokens(), content, plan, seed),
        links_table,
        links_from,
    )


def _even_links(engine: Engine, looked: Looked, accounts: int, seed: int) -> Links:
    """Links by the even days alone, whose tokens are needed for nothing else."""
    even = looked.even_days
    plan = forecast(engine, even, accounts)
    return _linked(engine, even, lambda: token_matrix(even, accounts), looked.content, plan, seed)


def _examine_all(
    groups: list[Candidate], scene: Scene, threads: int, progress: Progress
) -> list[list[Finding]]:
    findings = []
    progress("test", 0, len(groups))
    for tested in in_order(lambda candidate: _examine(candidate, scene), groups, threads):
        findings.append(tested)
        progress("test", len(findings), len(groups))
    return findings


def _examine(candidate: Candidate, scene: Scene) -> list[Finding]:
    return examine(_suspect(candidate), scene)


def _suspect(candidate: Candidate) -> Suspect:
    return Suspect(candidate.members, "links" if candidate.proposed_by == "links" else "wording")


def _united(
    judged: list[Judged],
    scene: Scene,
    divided: tuple[Division, ...],
    fdr: float,
    without: frozenset[str],
    progress: Progress,
) -> list[Judged]:
    """Campaigns of one wording or content as one, overlaps settled, operators and firms apart.

    Null: this log without the campaigns.
    """
    found = [j.candidate.members for j in judged if j.verdict == "distillation"]
    rest = scene.with_groups(scene.groups.without(np.concatenate([*found, NOBODY])))

    def test(candidate: Candidate) -> list[Finding]:
        return _but(_examine(candidate, rest), without)

    def again(candidates: list[Candidate]) -> list[Judged]:
        known = {j.candidate.members.tobytes(): j.findings for j in judged}
        tested = [(c, known.get(c.members.tobytes()) or test(c)) for c in candidates]
        return judge(tested, scene, fdr)

    settled = "settling" not in without
    judged = [j for j in judged if settled or not _is_whole(j)]
    steps = len(divided) + 3  # unite by each division, settle, divide, part firms
    for done, division in enumerate(divided if "uniting" not in without else ()):
        progress("settle", done, steps)
        after = unite(judged, rest, test, fdr, division)
        judged = judged if after is None else again(after)
    progress("settle", steps - 3, steps)
    judged = again(settle(judged, test))
    progress("settle", steps - 2, steps)
    apart = divide(judged, rest, test, fdr) if "dividing" not in without else None
    judged = judged if apart is None else again(apart)
    progress("settle", steps - 1, steps)
    apart = without_firms(judged, rest) if "parting firms" not in without else None
    judged = judged if apart is None else again(apart)
    progress("settle", steps, steps)
    return judged


def _is_whole(judged: Judged) -> bool:
    return judged.candidate.proposed_by == WHOLE


def _judge_again(
    judged: list[Judged],
    findings: list[list[Finding]],
    scene: Scene,
    fdr: float,
    without: frozenset[str],
    threads: int,
    progress: Progress,
) -> list[Judged]:
    """Once a campaign is known it is no part of anybody's null: test the others without it.

    Only groups that act as one are tested again; nothing else could change its verdict.
    """
    found = [j.candidate.members for j in judged if j.verdict == "distillation"]
    again = [j.verdict != "distillation" and j.elements["coordination"] <= fdr for j in judged]
    if not found or not any(again) or "second judging" in without:
        return judged
    rest = scene.with_groups(scene.groups.without(np.concatenate(found)))
    asked = [place for place, wanted in enumerate(again) if wanted]

    def test(place: int) -> list[Finding]:
        return examine_again(_suspect(judged[place].candidate), rest, findings[place])

    tested = [(one.candidate, one.findings) for one in judged]
    progress("test again", 0, len(asked))
    for done, (place, now) in enumerate(zip(asked, in_order(test, asked, threads), strict=True), 1):
        tested[place] = (judged[place].candidate, _but(now, without))
        progress("test again", done, len(asked))
    return judge(tested, scene, fdr)
