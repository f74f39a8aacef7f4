"""Text from the log is hostile: make it visible, isolate its direction, cut it, escape it.

Nothing here trusts the template: what `data` returns is already escaped and wrapped in <bdi>,
so a right-to-left override in an account id cannot reorder the words around it.
Source: Boucher and Anderson, "Trojan Source: Invisible Vulnerabilities", 2021.
"""

import unicodedata
from typing import Final

from markupsafe import Markup, escape

LABEL_CHARS: Final = 80  # an id, a model name, a detector
PROSE_CHARS: Final = 600  # a detail, a null's description, a summary
PROMPT_CHARS: Final = 1_200  # an example prompt; about 200 words
MARKS_IN_A_ROW: Final = 4  # real scripts stack at most a few combining marks

# Categories that draw nothing, or that change how their neighbours are drawn.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters and symbols by category, but blank on the screen.
_BLANK: Final = frozenset(
    "\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5\u180b\u180c\u180d\u180e"
)


def visible(text: str, *, keep_lines: bool = False) -> str:
    """`text` with every character that cannot be seen written as ⟨U+XXXX⟩.

    Line feeds and tabs stay when `keep_lines`; else they become one space.
    Combining marks past MARKS_IN_A_ROW in a row are dropped and counted: ⟨+12 marks⟩.
    """
    out: list[str] = []
    marks = 0
    for char in text.replace("\r\n", "\n"):
        if unicodedata.category(char) in {"Mn", "Me"}:
            marks += 1
            if marks > MARKS_IN_A_ROW:
                continue
        else:
            if marks > MARKS_IN_A_ROW:
                out.append(f"⟨+{marks - MARKS_IN_A_ROW} marks⟩")
            marks = 0
        out.append(_shown(char, keep_lines))
    if marks > MARKS_IN_A_ROW:
        out.append(f"⟨+{marks - MARKS_IN_A_ROW} marks⟩")
    return "".join(out)


def _shown(char: str, keep_lines: bool) -> str:
    if char in "\n\t":
        return char if keep_lines else " "
    variation = "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"
    if variation or char in _BLANK or unicodedata.category(char) in _UNSEEN:
        return f"⟨U+{ord(char):04X}⟩"
    return char


def plain(text: object, limit: int = LABEL_CHARS, *, keep_lines: bool = False) -> str:
    """At most `limit` characters of `text`, visible, not escaped: for SVG titles and sentences.

    Null becomes "not stated". A cut is marked with an ellipsis.
    """
    if text is None:
        return "not stated"
    raw = str(text)
    cut = raw[:limit]
    return visible(cut, keep_lines=keep_lines) + ("…" if len(raw) > limit else "")


def data(text: object, limit: int = LABEL_CHARS, *, keep_lines: bool = False) -> Markup:
    """At most `limit` characters of `text` as escaped HTML inside <bdi>."""
    return Markup("<bdi>{}</bdi>").format(escape(plain(text, limit, keep_lines=keep_lines)))
