"""python -m benchmarks.text --corpora DIR [--mistakes]"""

import argparse
import platform
from pathlib import Path

from . import quality, recurrence
from .corpora import hand_labelled, source_labelled


def main() -> None:
    """Print everything as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.text")
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--mistakes", action="store_true", help="of the development half")
    options = parser.parse_args()
    hand, source = hand_labelled(options.corpora), source_labelled(options.corpora)
    if options.mistakes:
        print(quality.mistakes([row for row in hand if not row.held_out]))
        return
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}\n")
    for name, wanted in (("development", False), ("held-out", True)):
        print(f"## Hand-labelled, {name} half\n")
        print(quality.report([row for row in hand if row.held_out == wanted]), "\n")
    print("## Labelled by their source, held-out half\n")
    print(quality.by_source([row for row in source if row.held_out]), "\n")
    prose = [row.text for row in source if row.source in ("gsm8k", "banking77")]
    print("## Recurrence of a fixed instruction\n\n" + recurrence.report(prose), "\n")


if __name__ == "__main__":
    main()
