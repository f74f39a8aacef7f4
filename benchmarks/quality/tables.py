"""The tables of docs/quality.md: each from the list of frozen results to Markdown."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from benchmarks.harness import tables as common
from benchmarks.harness.page import Result, load
from benchmarks.harness.tables import NOT_YET, met, share, table

from iolaus.core.statistics import wilson_interval

from .numbers import (
    Point,
    ablation,
    behind,
    by,
    compared,
    curve,
    f1,
    families,
    family,
    has_campaign,
    mean,
    of_part,
    pooled,
    reliability,
    standing,
)
from .numbers import share as of
from .plan import AXES, CURVED

FAILURES: Final = Path(__file__).with_name("failures.md")
EARLIER: Final = Path(__file__).with_name("earlier")
AIMED_RECALL, AIMED_PRECISION, AIMED_PURITY = 0.95, 0.99, 0.98
AIMED_CALLED, AIMED_CALLED_WORST = 1e-4, 1e-3  # honest accounts: overall, in any population
AIMED_LOST, LONG_DAYS = 0.05, 7.0  # exchanges gone before naming, for campaigns longer than a week
FDR = 0.01  # the setting's default, with which everything is run
COUNTRIES = 10  # listed by name
SEEN: Final = ("families", "curves", "alarms")  # whose honest accounts are counted together


def _number(value: float | None, digits: int = 3) -> str:
    return NOT_YET if value is None else f"{value:.{digits}f}"


def _counted(pair: Iterable[int] | None) -> str:
    if pair is None:
        return "-"
    hits, size = pair
    return f"{hits:,} of {size:,}" if size else "-"


# 1. Aims


def aims(found: list[Result]) -> str:
    """Each aim beside what was reached."""
    rows = [*_aims_found(found), *_aims_honest(found), *_aims_lost(found), *_aims_peers(found)]
    return table(["what", "aim", "measured", "met"], rows)


def _aims_found(found: list[Result]) -> list[list[str]]:
    cells = [r for r in of_part(found, "families") if has_campaign(r)]
    names = families(cells)

    def average(what: str) -> float | None:
        return mean(
            mean(of(r["score"].get(what)) for r in cells if family(r) == name) for name in names
        )

    rows = []
    for said, what, aim in (
        ("mean account recall over families", "recall", AIMED_RECALL),
        ("mean account precision over families", "precision", AIMED_PRECISION),
        ("campaigns found", "campaign_recall", 1.0),
        ("mean purity of what was raised", "purity", AIMED_PURITY),
    ):
        value = average(what)
        good = [] if value is None else [value >= aim]
        counted = ""
        if what == "campaign_recall" and cells:
            counted = f" ({_counted(pooled(r['score'][what] for r in cells))})"
        rows.append([said, f"{aim:.2f} or more", f"{_number(value, 4)}{counted}", met(good)])
    return rows


def _aims_honest(found: list[Result]) -> list[list[str]]:
    rows = []
    for said, parts in (("families", ("families",)), ("all worlds", SEEN)):
        cells = [r for part in parts for r in of_part(found, part)]
        called = pooled(r["score"]["false_positives"] for r in cells)
        rate = of(called)
        good = [] if rate is None else [rate <= AIMED_CALLED]
        rows.append([f"honest accounts called, {said}", "1 in 10,000 at most", share(called),
                     met(good)])  # fmt: skip
        worst = sorted(((of(pair) or 0.0, name, pair)
                        for name, pair in by(cells, "false_positives_by_population").items()),
                       reverse=True)[:1]  # fmt: skip
        text = "".join(f"`{name}` {share(pair)}" for _, name, pair in worst) or NOT_YET
        good = [rate <= AIMED_CALLED_WORST for rate, _, _ in worst]
        rows.append([f"the same, worst population, {said}", "1 in 1,000 at most", text, met(good)])
    raised = _raised(of_part(found, "alarms"))
    rate = of(raised)
    good = [] if rate is None else [rate <= FDR]
    rows.append(["worlds without a campaign in which one was raised", f"{FDR:g} at most",
                 share(raised), met(good)])  # fmt: skip
    return rows


def _aims_lost(found: list[Result]) -> list[list[str]]:
    cells = [r for r in of_part(found, "replay") if r["attack"]["days"] > LONG_DAYS]
    lost = {family(r): of(r["score"]["exchanges_lost"]) for r in cells}
    known = {name: value for name, value in lost.items() if value is not None}
    values = list(known.values())
    over = [f"`{name}` {value:.3f}" for name, value in known.items() if value > AIMED_LOST]
    average, each = NOT_YET, NOT_YET
    if values:
        average = f"{_number(mean(values))} (families: {len(values)})"
        each = f"over it: {', '.join(over)}" if over else f"{max(values):.3f} at most"
    aim = f"{AIMED_LOST:.2f} at most"
    long = "exchanges lost before naming, campaigns longer than a week"
    return [
        [f"{long}, mean", aim, average, met([mean(values) <= AIMED_LOST] if values else [])],
        ["the same, each family", aim, each, met([value <= AIMED_LOST for value in values])],
    ]


def _aims_peers(found: list[Result]) -> list[list[str]]:
    rows = behind(found)
    over = [f"`{name}` ({', '.join(peers)})" for name, peers in rows.items() if peers]
    ahead = f"{len(rows) - len(over)} of {len(rows)} families"
    said = (ahead + (f"; not in {', '.join(over)}" if over else "")) if rows else NOT_YET
    return [["no peer ahead", "every family", said, met([not peers for peers in rows.values()])]]


# 2. Families


def per_family(found: list[Result]) -> str:
    """One row per family at default strength, its worlds together."""
    cells = of_part(found, "families")
    rows = []
    for name in families(cells):
        here = [r["score"] for r in cells if family(r) == name]
        recalls = [of(s["recall"]) for s in here]
        lowest = min((r for r in recalls if r is not None), default=None)
        said = "-" if lowest is None else f"{_number(mean(recalls))} ({lowest:.3f})"
        rows.append([
            f"`{name}`", str(len(here)), said, _dash(mean(of(s["precision"]) for s in here)),
            _counted(pooled(s["campaign_recall"] for s in here)),
            _dash(mean(of(s["purity"]) for s in here)),
            str(sum(s["campaigns_raised"] for s in here)),
            _counted(pooled(s["false_positives"] for s in here)),
            _dash(mean(s.get("brier") for s in here), 4),
        ])  # fmt: skip
    return table(
        ["family", "worlds", "account recall (lowest)", "account precision", "campaigns found",
         "purity", "raised", "honest accounts called", "Brier score"], rows,
    )  # fmt: skip


def _dash(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def missed(found: list[Result]) -> str:
    """Worlds whose campaign was not found, and what its accounts were taken for."""
    rows = []
    for r in of_part(found, "families"):
        hits, size = r["score"]["campaign_recall"]
        if hits == size:
            continue
        for group in r.get("groups", []) or [{}]:
            inside = group.get("accounts", {})
            guilty = sum(n for name, n in inside.items() if name != "honest")
            p, verdict = group.get("p", {}), group.get("verdict", "in no group")
            rows.append([
                f"{family(r)}-{r['parameters']['seed']}", f"{r['attack']['accounts']:,}",
                verdict, f"{guilty:,} + {inside.get('honest', 0):,}",
                *(_p(p.get(e)) for e in ("coordination", "deception", "harvest")),
            ])  # fmt: skip
    if not rows:
        return "None." if of_part(found, "families") else NOT_YET
    return table(
        ["world", "campaign's accounts", "what they were taken for", "of the campaign + honest",
         "p, coordination", "p, deception", "p, harvest"], rows,
    )  # fmt: skip


def _p(value: float | None) -> str:
    return "-" if value is None else f"{value:.1g}"


# 3. Honest accounts


def populations(found: list[Result]) -> str:
    """Honest accounts called, by population: at default strength, without a campaign, in all."""
    groups = [of_part(found, "families"), of_part(found, "alarms"),
              [r for part in SEEN for r in of_part(found, part)]]  # fmt: skip
    sums = [by(cells, "false_positives_by_population") for cells in groups]
    rows = [[f"`{name}`", *(share(one.get(name)) for one in sums)] for name in sums[2]]
    if rows:
        rows.append(["all", *(share(pooled(one.values())) for one in sums)])
    return table(["population", "families", "false alarms", "all worlds, curves too"], rows)


def countries(found: list[Result]) -> str:
    """The countries with the most honest accounts called, and the others together."""
    sums = by([r for part in SEEN for r in of_part(found, part)], "false_positives_by_country")
    called = sorted(((of(pair) or 0.0, name) for name, pair in sums.items() if pair[0]),
                    reverse=True)[:COUNTRIES]  # fmt: skip
    listed = [name for _, name in called]
    rows = [[name, share(sums[name])] for name in listed]
    rest = [pair for name, pair in sums.items() if name not in listed]
    rows.append([f"the {len(rest)} others", share(pooled(rest))])
    return table(["billing country", "honest accounts called, all worlds"], rows)


def alarms(found: list[Result]) -> str:
    """How often a world without a campaign has one raised."""
    cells = of_part(found, "alarms")
    rows = []
    for name in [*families(cells), None]:
        here = [r for r in cells if name in (None, family(r))]
        rows.append([
            f"`{name}`" if name else "both", share(_raised(here)),
            share(pooled(r["score"]["false_positives"] for r in here)),
        ])  # fmt: skip
    head = ["family", "worlds with a campaign raised", "honest accounts called"]
    return table(head, rows)


def _raised(cells: list[Result]) -> tuple[int, int]:
    return sum(bool(r["score"]["campaigns_raised"]) for r in cells), len(cells)


# 4. Probabilities


def calibration(found: list[Result]) -> str:
    """Predicted and observed by bin of probability."""
    cells = [r for part in SEEN for r in of_part(found, part)]
    rows = []
    for one in reliability(cells):
        low, high = wilson_interval(one.hits, one.of)
        rows.append([
            f"{one.low:g} to {one.high:g}", f"{one.of:,}", f"{one.predicted:.3f}",
            f"{one.hits / one.of:.3f} ({max(low, 0):.3f} to {min(high, 1):.3f})",
        ])  # fmt: skip
    brier = mean(r["score"].get("brier") for r in of_part(found, "families"))
    text = table(["probability", "members", "predicted, mean", "observed"], rows)
    return f"{_picture('reliability', 'Predicted against observed probability.')}\n\n{text}\n\n" + (
        f"Brier score over all accounts of the families' worlds: {_number(brier, 5)}."
    )


# 5. Curves


def curves(found: list[Result]) -> str:
    """A picture and a table per family."""
    parts = []
    for name in CURVED:
        rows = [_row(axis, p) for axis in AXES for p in curve(found, name, axis)]
        said = f"Account recall, precision and throughput of {name} against each strength."
        head = ["strength", "value", "account recall", "precision", "raised",
                "exchanges per account and day", "of the default",
                "cards per 100 accounts"]  # fmt: skip
        shown = f"{_picture(f'curves-{name}', said)}\n\n{table(head, rows)}" if rows else NOT_YET
        parts.append(f"### `{name}`\n\n{shown}")
    return "\n\n".join(parts)


def _row(axis: str, p: Point) -> list[str]:
    return [
        axis.replace("_", " "), "default" if p.at is None else f"{p.at:g}", _dash(p.recall),
        _dash(p.precision), str(p.score["campaigns_raised"]),
        _dash(p.attack.get("per_account_day"), 2), _dash(p.throughput, 2),
        _dash(p.attack.get("cards"), 0),
    ]  # fmt: skip


# 6. Replay


def replay(found: list[Result]) -> str:
    """How much of a campaign had left when its accounts were named."""
    rows = []
    for r in of_part(found, "replay"):
        score, told, days = r["score"], r["named"], r["score"].get("median_days_to_naming")
        first = told["first_day_share"]
        rows.append([
            f"`{family(r)}`", f"{r['attack']['days']:.0f}", _counted(score["accounts_named"]),
            f"{_number(of(score['exchanges_lost']))} ({_counted(score['exchanges_lost'])})",
            _dash(first), _dash(days, 2),
            ", ".join(f"{n} {k:,}" for n, k in told["honest_by_population"].items()) or "none",
        ])  # fmt: skip
    return table(
        ["family", "campaign, days", "campaign accounts named", "exchanges lost before naming",
         "sent on an account's first day", "median days to naming",
         "honest accounts named on any day"], rows,
    )  # fmt: skip


# 7. Ablation


def left_out(found: list[Result]) -> str:
    """What quality is without each family of tokens and each test, dearest first."""
    rows = [
        [_thing(row.name), str(row.worlds), _number(row.recall), _number(row.precision),
         _counted(row.found), f"{row.change:+.3f}",
         f"{row.worst:+.3f} `{row.where}`" if row.worst < 0 else "-", f"{row.weaker:.2g}",
         f"{row.honest:+d}"]
        for row in ablation(found)
    ]  # fmt: skip
    return table(
        ["left out", "worlds", "account recall", "precision", "campaigns found",
         "F1, change", "largest loss", "p of the claim, times",
         "honest accounts called, change"], rows,
    )  # fmt: skip


def _thing(name: str) -> str:
    kind, _, what = name.partition(":")
    return f"tokens of {what}" if kind == "tokens" else name


# 8. Peers


def peers(found: list[Result]) -> str:
    """The comparison as a picture and as a table."""
    said = "Mean F1 of accounts per family, ours and each peer."
    return f"{_picture('peers', said)}\n\n{peers_of(found)}"


def peers_of(found: list[Result]) -> str:
    """F1 (recall / precision) of accounts, mean over a family's worlds; the best is bold."""
    rows_of = compared(found)
    names = list(dict.fromkeys(name for row in rows_of.values() for name in row))
    rows = []
    for name, row in rows_of.items():
        best = max((standing(scores) or 0.0 for scores in row.values()), default=0.0)
        cells = []
        for detector in names:
            scores = row.get(detector, [])
            text = _versus(scores)
            cells.append(f"**{text}**" if scores and standing(scores) == best else text)
        rows.append([f"`{name}`", *cells])
    return table(["family", *names], rows)


def _versus(scores: list[Result]) -> str:
    quality = mean(f1(s) for s in scores)
    if quality is None:
        return f"{pooled(s['false_positives'] for s in scores)[0]:,} called" if scores else "-"
    recall, precision = (mean(of(s[what]) for s in scores) for what in ("recall", "precision"))
    return f"{quality:.2f} ({_dash(recall, 2)} / {_dash(precision, 2)})"


def not_applicable(found: list[Result]) -> str:
    """Where a peer could not run, and why."""
    reasons: dict[tuple[str, str], set[str]] = {}
    for r in of_part(found, "peers"):
        for name, one in r["peers"].items():
            if one.get("not_applicable"):
                reasons.setdefault((name, one["not_applicable"]), set()).add(family(r))
    said = [f"- {why} (`{'`, `'.join(sorted(where))}`)" for (_, why), where in reasons.items()]
    return "\n".join(said) or "Every peer ran on every world."


def earlier(found: list[Result]) -> str:
    """What earlier rounds measured, which led to changes and so used their seeds up."""
    del found
    parts = []
    for directory in sorted(EARLIER.iterdir()):
        cells = load(directory)
        name = directory.name.replace("-", " ")
        commits = ", ".join(dict.fromkeys(f"`{r['commit'][:12]}`" for r in cells))
        said = f"### {name.capitalize()} ({commits})"
        parts.append("\n\n".join([said, aims(cells), per_family(cells), peers_of(cells)]))
    return "\n\n".join(parts) or "There was none."


def failures(found: list[Result]) -> str:
    """What is written by hand about where each family fails, and why."""
    del found
    return FAILURES.read_text(encoding="utf-8").strip() if FAILURES.exists() else NOT_YET


def _picture(name: str, said: str) -> str:
    return f"![{said}](pictures/quality/{name}.svg)"


TABLES: dict[str, Callable[[list[Result]], str]] = {
    "aims": aims, "families": per_family, "missed": missed, "failures": failures,
    "populations": populations, "countries": countries, "alarms": alarms,
    "calibration": calibration, "curves": curves, "replay": replay, "ablation": left_out,
    "peers": peers, "not_applicable": not_applicable, "provenance": common.provenance,
    "earlier": earlier,
}  # fmt: skip
