"""docs/windows.md's tables."""


def write_page() -> None:
    """x"""
