"""Small helps for error messages about names."""

from collections.abc import Iterable
from difflib import get_close_matches

SHOWN_COLUMNS = 40


def did_you_mean(name: str, present: Iterable[str]) -> str:
    """' (There is ...; names are case-sensitive.)', ' (Is it ...?)' or ''. Starts with a space."""
    names = sorted(set(present))
    for other in names:
        if other.strip().lower() == name.lower():
            return f" There is '{other}', but names are case-sensitive."
    close = get_close_matches(name, names, n=1, cutoff=0.75)
    return f" Is it '{close[0]}'?" if close else ""


def found_columns(present: Iterable[str], subject: str = "The file has") -> str:
    """'The file has: a, b, c.', cut after 40 names."""
    names = sorted(set(present))
    if not names:
        return f"{subject} no columns."
    more = f" and {len(names) - SHOWN_COLUMNS} more" if len(names) > SHOWN_COLUMNS else ""
    return f"{subject}: {', '.join(names[:SHOWN_COLUMNS])}{more}."


def first_line(error: Exception) -> str:
    """A library's message, its first line, as a sentence of at most 200 characters."""
    text = (str(error).splitlines() or [type(error).__name__])[0][:200].strip()
    return text if text.endswith(".") else f"{text}."
