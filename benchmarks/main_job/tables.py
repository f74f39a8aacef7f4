"""The tables of docs/results.md: each from the list of frozen results to Markdown."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from statistics import median

from benchmarks.harness import tables as common
from benchmarks.harness.tables import NOT_YET, Result, met, share, table

from iolaus.core.statistics import wilson_interval

from .plan import WITHOUT

AIMED_RECALL, AIMED_PRECISION, AIMED_S, AIMED_BYTES = 0.95, 0.99, 300.0, 4e9


def _of(found: list[Result], prefix: str) -> list[Result]:
    return [r for r in found if r["cell"].startswith(prefix + "-")]


def _rate(rate: Result | None) -> str:
    """A share as in the score: value (low to high), hits of all."""
    if rate is None or rate["value"] is None:
        return NOT_YET
    value, low, high = (f"{rate[name]:.4f}" for name in ("value", "low", "high"))
    return f"{value} ({low} to {high}), {rate['hits']:,} of {rate['of']:,}"


def _gb(size: float | None) -> str:
    return NOT_YET if size is None else f"{size / 1e9:.2f}"


# 1. Aims


def aims(found: list[Result]) -> str:
    """Each aim beside what was reached, in every world of its family."""
    rows = []
    for family in ("long", "spike"):
        for what, aim in (("recall", AIMED_RECALL), ("precision", AIMED_PRECISION)):
            rates = [r["score"][what]["value"] for r in _of(found, family)]
            values = [rate for rate in rates if rate is not None]
            said = ", ".join(f"{v:.4f}" for v in values) or NOT_YET
            name = f"account {what}, `{family}`"
            rows.append([name, f"{aim:.2f} or more", said, met([v >= aim for v in values])])
    raised = [bool(r["score"]["campaigns_raised"]) for r in _of(found, "null")]
    said = f"{sum(raised)} of {len(raised)}" if raised else NOT_YET
    name = "`null` worlds with a campaign raised"
    rows.append([name, "none", said, met([not one for one in raised])])
    scans = [r["scan"] for name in ("long", "spike", "null") for r in _of(found, name)]
    if scans:
        wall, memory = (max(s[what] for s in scans) for what in ("wall_s", "peak_rss"))
        rows.append(["longest scan, s", "under 300", f"{wall:.0f}", met([wall < AIMED_S])])
        good = met([memory < AIMED_BYTES])
        rows.append(["most memory of a scan, GB", "under 4", _gb(memory), good])
    return table(["what", "aim", "reached", "met"], rows)


# 2. What was found


def detection(found: list[Result]) -> str:
    rows = [
        [r["cell"], _rate(s["recall"]), _rate(s["precision"]), _rate(s["campaign_recall"]),
         _rate(s["purity"]), str(s["campaigns_raised"])]
        for name in ("long", "spike") for r in _of(found, name) for s in [r["score"]]
    ]  # fmt: skip
    return table(
        [
            "world and seed",
            "account recall",
            "account precision",
            "campaigns found",
            "purity",
            "raised",
        ],
        rows,
    )


def null(found: list[Result]) -> str:
    runs = _of(found, "null")
    raised = sum(bool(r["score"]["campaigns_raised"]) for r in runs)
    listed = table(
        ["seed", "campaigns raised", "honest accounts called", "by population"],
        [[str(r["parameters"]["seed"]), str(r["score"]["campaigns_raised"]),
          f"{r['score']['false_positives']['hits']:,} of {r['score']['false_positives']['of']:,}",
          _called(r["score"]["false_positives_by_population"]) or "-"] for r in runs],
    )  # fmt: skip
    if not runs:
        return listed
    low, high = wilson_interval(raised, len(runs))
    share = f"{raised / len(runs):.2f} ({low:.2f} to {high:.2f})"
    return f"{listed}\n\n{raised} of {len(runs)} seeds have a campaign raised: {share}."


def _called(rates: Result) -> str:
    return ", ".join(f"{n} {rate['hits']:,}" for n, rate in rates.items() if rate["hits"])


def populations(found: list[Result]) -> str:
    """Honest accounts called, by population and family, over all seeds."""
    families = ("long", "spike", "null")
    sums = {f: _summed(_of(found, f), "false_positives_by_population") for f in families}
    names = sorted({name for by in sums.values() for name in by})
    rows = [[f"`{name}`", *(share(sums[f].get(name)) for f in families)] for name in names]
    return table(["population", *(f"`{f}`" for f in families)], rows)


def countries(found: list[Result]) -> str:
    """The countries with the most honest accounts called, and how many have none."""
    runs = [r for name in ("long", "spike", "null") for r in _of(found, name)]
    by = _summed(runs, "false_positives_by_country")
    called = sorted(((h, of, name) for name, (h, of) in by.items() if h), reverse=True)
    rows = [[name, share((hits, of))] for hits, of, name in called[:10]]
    rows.append(
        [f"the {len(by) - len(rows)} others", share(_total(by, {n for _, _, n in called[:10]}))]
    )
    return table(["billing country", "honest accounts called"], rows)


def _summed(runs: list[Result], what: str) -> dict[str, tuple[int, int]]:
    hits: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for run in runs:
        for name, rate in run["score"][what].items():
            hits[name] += rate["hits"]
            sizes[name] += rate["of"]
    return {name: (hits[name], sizes[name]) for name in sorted(sizes)}


def _total(by: dict[str, tuple[int, int]], but: set[str]) -> tuple[int, int]:
    left = [pair for name, pair in by.items() if name not in but]
    return sum(h for h, _ in left), sum(of for _, of in left)


# 3. How soon


def replay(found: list[Result]) -> str:
    rows = []
    for r in _of(found, "replay"):
        score, named, days = r["score"], r["named"], r["score"]["median_days_to_naming"]
        rows.append([
            r["cell"].removeprefix("replay-"), _rate(score["accounts_named"]),
            _rate(score["exchanges_lost"]), f"{named['first_day_share']:.2f}",
            NOT_YET if days is None else f"{days:.2f}",
            ", ".join(f"{n} {k:,}" for n, k in named["honest_by_population"].items()) or "none",
            f"{r['replay']['wall_s']:.0f}", _gb(r["replay"]["peak_rss"]),
        ])  # fmt: skip
    return table(
        ["world and seed", "campaign accounts named", "exchanges lost before naming",
         "sent on an account's first day", "median days to naming",
         "honest accounts named on any day", "wall, s", "memory, GB"], rows,
    )  # fmt: skip


# 4. What each kind of column is worth


def ablation(found: list[Result]) -> str:
    runs: dict[str, dict[str, Result]] = defaultdict(dict)
    for r in _of(found, "ablation"):
        p = r["parameters"]
        runs[f"{p['family']}-{p['seed']}"][p["without"] or "nothing"] = r["score"]
    rows = []
    for world, scores in runs.items():
        for name in ("nothing", *WITHOUT):
            if name in scores:
                s = scores[name]
                rows.append([
                    world, name.replace("_", ", "), _rate(s["recall"]), _rate(s["precision"]),
                    f"{s['campaigns_raised']}", _rate(s["purity"]),
                ])  # fmt: skip
    return table(
        ["world and seed", "left out", "account recall", "account precision", "raised", "purity"],
        rows,
    )


# 5. What it costs


def cost(found: list[Result]) -> str:
    rows = []
    for family in ("long", "spike", "null"):
        runs = _of(found, family)
        if runs:
            scans, timings = [r["scan"] for r in runs], [r["run"]["timings_s"] for r in runs]
            phases = ", ".join(f"{n} {median(t[n] for t in timings):.1f}" for n in timings[0])
            rows.append([
                f"`{family}`", f"{runs[0]['parameters']['exchanges']:,}", str(len(runs)),
                f"{median(s['wall_s'] for s in scans):.1f}", phases,
                f"{median(s['rows_per_s'] for s in scans):,.0f}",
                _gb(max(s["peak_rss"] for s in scans)),
                _gb(median(s["stages_bytes"] for s in scans)),
                _gb(median(s["written"] or 0 for s in scans)),
                _gb(median(r["world"]["log_bytes"] for r in runs)),
                f"{median(r['world']['simulate']['wall_s'] for r in runs):.0f}",
            ])  # fmt: skip
    return table(
        ["family", "exchanges", "runs", "scan, s", "of it, s", "rows/s", "memory, most, GB",
         "stages, GB", "written, GB", "log, GB", "simulate, s"], rows,
    )  # fmt: skip


def earlier(found: list[Result]) -> str:
    """What earlier rounds, on other seeds, scored; `null` worlds left in peace are counted."""
    rows, clean = [], Counter[str]()
    for r in _of(found, "earlier"):
        s, commit = r["score"], f"`{r['commit'][:7]}`"
        if s["recall"]["of"] == 0 and not s["campaigns_raised"]:
            clean[commit] += 1
            continue
        rows.append([
            commit, r["cell"].removeprefix("earlier-"), _rate(s["recall"]), _rate(s["precision"]),
            str(s["campaigns_raised"]), _called(s["false_positives_by_population"]) or "none",
        ])  # fmt: skip
    head = ["commit", "run", "account recall", "account precision", "raised", "honest called"]
    said = ", ".join(f"{n} at {commit}" for commit, n in clean.items())
    listed = table(head, sorted(rows, key=lambda row: re.sub(r"\D", "", row[1])))
    return f"{listed}\n\n`null` worlds with no campaign raised: {said or 'none'}."


def provenance(found: list[Result]) -> str:
    """Of this round; earlier ones name their commit in their own table."""
    return common.provenance([r for r in found if not r["cell"].startswith("earlier-")])


TABLES: dict[str, Callable[[list[Result]], str]] = {
    "aims": aims, "detection": detection, "null": null, "populations": populations,
    "countries": countries, "replay": replay, "ablation": ablation, "cost": cost,
    "earlier": earlier, "provenance": provenance,
}  # fmt: skip
