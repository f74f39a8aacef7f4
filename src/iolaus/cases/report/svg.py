"""A few lines of SVG, written as text. Every attribute and every text is escaped here.

Looks come from classes in style.css, so that dark mode and print need no second drawing and the
Content-Security-Policy can forbid style attributes.
"""

from markupsafe import Markup, escape


def pct(fraction: float) -> str:
    """0.1234 -> '12.34%': coordinates that follow the page's width while text keeps its size."""
    return f"{100 * fraction:.2f}%"


def el(tag: str, *children: object, **attributes: object) -> Markup:
    """One element. `class_` -> class, `stroke_width` -> stroke-width; floats to one decimal."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    inner = "".join(escape(child) for child in children)
    return Markup(f"<{tag}{written}>{inner}</{tag}>")


def _value(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


def drawing(label: str, *children: object, **attributes: object) -> Markup:
    """An <svg> that a screen reader reads as one picture: role=img and a title."""
    return el("svg", el("title", label), *children, role="img", **attributes)
