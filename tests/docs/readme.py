"""The README's example log and commands, taken out of the README itself.

    python -m tests.docs.readme DIR

writes the example log and commands.sh (every `iolaus` line, in order) into DIR, for .ci/run.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"


def blocks(text: str, language: str) -> list[str]:
    """Fenced blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(program: str) -> list[str]:
    """Lines of the README's bash blocks that call `program`, comments cut off."""
    lines = "".join(blocks(README.read_text(encoding="utf-8"), "bash")).splitlines()
    return [line.split("#")[0].strip() for line in lines if line.split(" ")[0] == program]


def example_files() -> dict[str, str]:
    """Path and content of each JSONL block; the path is the code before the block's colon."""
    text = README.read_text(encoding="utf-8")
    found = re.findall(r"`([^`\n]+\.jsonl)`:\n\n```jsonl\n(.*?)^```", text, re.M | re.DOTALL)
    return dict(found)


def write_example(directory: Path) -> None:
    """Write the example log below `directory`."""
    for name, content in example_files().items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    write_example(target)
    (target / "commands.sh").write_text("\n".join(commands("iolaus")) + "\n", encoding="utf-8")
