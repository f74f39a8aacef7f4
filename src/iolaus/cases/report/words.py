"""Numbers, dates, odds and verdicts in words. Times are UTC; counts are exact below a million."""

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

_SMALL: Final = (
    "No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten",
)  # fmt: skip
_LARGE: Final = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
_SUPERSCRIPT: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

VERDICT_LABELS: Final = {
    "distillation": "Distillation",
    "resale": "Resale",
    "shared_organisation": "Shared organisation",
    "shared_software": "Shared software",
    "evaluation": "Evaluation",
    "undetermined": "Undetermined",
}
CAPABILITY_LABELS: Final = {
    "agentic_reasoning": "Agentic reasoning",
    "software_engineering": "Software engineering",
    "long_horizon_planning": "Long-horizon planning",
    "tool_use": "Tool use",
    "chain_of_thought": "Chain-of-thought elicitation",
    "grading": "Grading, reward modelling",
    "data_analysis": "Data analysis",
    "vision": "Vision",
    "ordinary": "Ordinary chat",
}
ELEMENT_QUESTIONS: Final = {
    "coordination": "Do these accounts act as one operator?",
    "deception": "Is that hidden, or is access obtained under false pretences?",
    "harvest": "Is the traffic shaped to collect training data?",
}


def measured(value: float | None) -> bool:
    """True for a number; False for null, NaN and infinities."""
    return value is not None and math.isfinite(value)


def people(count: float | None) -> str:
    """28_800_000 -> '28.8 million', 1_150 -> '1,150', null -> 'not measured'."""
    if count is None or not math.isfinite(count):
        return "not measured"
    for size, name in _LARGE:
        if abs(count) >= size * 0.9995:  # 999,500 would round to 1,000 thousand
            return f"{count / size:.3g} {name}"
    return f"{count:,.0f}"


def counted(count: float | None, noun: str) -> str:
    """'1 account', '1,150 accounts', '28.8 million exchanges'."""
    if count is None:
        return "Not counted"
    return f"{people(count)} {noun}{'' if count == 1 else 's'}"


def spelled(count: int) -> str:
    """'One' to 'Ten' with a capital, then digits: for the head of a sentence."""
    return _SMALL[count] if 0 <= count < len(_SMALL) else people(count)


def number(value: float | None) -> str:
    """Three significant digits for people: 4.1, 0.031, 12,400; tiny ones as 3.1 × 10⁻⁷."""
    if value is None or not math.isfinite(value):
        return "not measured"
    if value < 0:
        return f"−{number(-value)}"
    size = value
    if size == 0:
        return "0"
    if size >= 1e6:
        return people(value)
    if size >= 100:
        return f"{value:,.0f}"
    if size >= 1e-3:
        return f"{value:.3g}"
    return _power(value)


def probability(p: float | None) -> str:
    """p and q values: two digits, tiny ones as a power of ten. Below 10⁻³⁰ only a bound."""
    if not measured(p):
        return "not measured"
    assert p is not None
    if p < 1e-30:
        return "below 10⁻³⁰"
    return f"{p:.2g}" if p >= 1e-3 else _power(p)


def _power(value: float) -> str:
    digits, exponent = f"{value:.1e}".split("e")
    digits = digits.removesuffix(".0")
    return f"{digits} × 10{str(int(exponent)).translate(_SUPERSCRIPT)}"


def odds(p: float | None) -> str:
    """0.001 -> 'about 1 in 1,000'; 0.4 -> 'about 2 in 5'."""
    if not measured(p):
        return "an unknown share"
    assert p is not None
    if p >= 0.95:
        return "nearly all"
    if p > 0.5:
        return f"about {round(p * 10)} in 10"
    if p > 0.3:
        return f"about {max(2, round(p * 5))} in 5"
    if p < 1e-9:
        return "fewer than 1 in a billion"
    return f"about 1 in {people(_round_two(1 / p))}"


def _round_two(value: float) -> float:
    """Two significant digits: 1 / 0.0013 = 769.2 -> 770."""
    if value < 100:
        return float(round(value))
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(round(value / step) * step)


def chance(p: float | None) -> str:
    """One sentence on a p-value, for a reader who has forgotten what one is."""
    if not measured(p):
        return "Described only: it was not compared with a null."
    assert p is not None
    if p > 0.05:
        return f"Not unusual: chance alone does this {odds(p)} times."
    if p < 1e-9:
        return "Chance alone would do this less than once in a billion times."
    return f"Chance alone would do this about once in {people(_round_two(1 / p))} times."


def reached(draws: Sequence[float], value: float, p: float | None) -> str:
    """How many draws lie at or beyond the value, on its side; and whether p goes past counting.

    n draws can count no p below 1 / (n + 1) (Phipson and Smyth 2010); a p well below what they
    count was extrapolated from their shape, and the reader is told.
    """
    sides = sum(d >= value for d in draws), sum(d <= value for d in draws)
    beyond = max(sides) if p is not None and p > 0.5 else min(sides)
    said = f"{people(beyond) if beyond else 'None'} of {people(len(draws))} draws reach it"
    least = (beyond + 1) / (len(draws) + 1)
    if p is not None and p < least / 3:  # a factor of 3: rounding and thinning do not count
        return f"{said}: p {probability(least)} by counting; the smaller p is extrapolated."
    return f"{said}."


def signed_bits(bits: float) -> str:
    """'+14.8', '-0.7': one decimal, so that a column of them lines up."""
    return f"{bits:+.1f}".replace("-", "−")


def ratio(bits: float | None) -> str:
    """Bits as a likelihood ratio: 10 -> 'about 1,000 to 1', -1 -> 'about 2 to 1 against'."""
    if bits is None or not math.isfinite(bits):
        return "weight not measured"
    if abs(bits) < 0.5:
        return "says nothing either way"
    times = people(_round_two(2.0 ** min(abs(bits), 60.0)))  # 2^60: a quintillion is enough
    head = "more than" if abs(bits) > 60 else "about"
    return f"{head} {times} to 1{' against' if bits < 0 else ''}"


def headed(text: str) -> str:
    """The same text with its first letter as a capital, for a label at the head of a line."""
    return text[:1].upper() + text[1:]


def share(fraction: float | None) -> str:
    """0.034 -> '3.4%', 0.4 -> '40%'."""
    if not measured(fraction):
        return "not measured"
    assert fraction is not None
    percent = 100 * fraction
    if 0 < percent < 0.1:
        return "below 0.1%"
    if 99.9 < percent < 100:
        return "above 99.9%"
    if 99 < percent < 100:
        return f"{percent:.1f}%"
    return f"{percent:.1f}%" if 0 < percent < 10 else f"{percent:.0f}%"


def listed(names: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def day(value: date | datetime | None) -> str:
    """'3 March 2026'."""
    if value is None:
        return "not known"
    return f"{value.day} {value:%B} {value.year}"


def short_day(value: date) -> str:
    """'3 Mar', for an axis."""
    return f"{value.day} {value:%b}"


def moment(value: object) -> str:
    """'3 March 2026, 14:05 UTC' for a time or ISO 8601 text; other text as it is, cut to 80.

    Null is 'not stated'. A time without a zone is taken to be UTC, as everywhere in Iolaus.
    """
    if value is None:
        return "not stated"
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return str(value)[:80]
    if not isinstance(value, datetime):
        return day(value) if isinstance(value, date) else str(value)[:80]
    utc = value.astimezone(UTC) if value.tzinfo else value
    return f"{day(utc)}, {utc:%H:%M} UTC"


def window(first: object, last: object) -> str:
    """The log's window, 'not stated' when neither end is."""
    if first is None and last is None:
        return "Window not stated"
    return f"{moment(first)} to {moment(last)}"


def span(first: datetime | None, last: datetime | None) -> str:
    """'3 March to 16 April 2026', with the year said once where it is one year."""
    if first is None or last is None:
        return "not known"
    if first.date() == last.date():
        return day(first)
    if first.year == last.year:
        return f"{first.day} {first:%B} to {day(last)}"
    return f"{day(first)} to {day(last)}"


def days_between(first: datetime | None, last: datetime | None) -> int | None:
    """UTC days touched, both ends counted; null when either end is unknown."""
    if first is None or last is None:
        return None
    return (last.date() - first.date()).days + 1


def capability(name: object) -> str:
    """A capability's label; unknown names with their underscores opened."""
    return CAPABILITY_LABELS.get(str(name), str(name).replace("_", " "))


def verdict(name: object) -> str:
    """A verdict's label."""
    return VERDICT_LABELS.get(str(name), str(name).replace("_", " "))
