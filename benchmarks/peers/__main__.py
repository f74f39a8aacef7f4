"""python -m benchmarks.peers tune --worlds DIR... | run --peer NAME --log LOG --out OUT | list"""

import argparse
import sys
import time
from pathlib import Path

from iolaus.core.errors import IolausError

from . import PEERS, scan
from .tune import FROZEN, setting_of, tune


def main() -> int:
    """Tune on development worlds, or run one peer with its frozen setting."""
    options = _options()
    try:
        if options.command == "tune":
            _tune(options.worlds, options.peers or list(PEERS), options.out, options.made_with)
        elif options.command == "run":
            _run(options.peer, options.log, options.out)
        else:
            for peer in PEERS.values():
                print(f"{peer.name}: {peer.source}; one group is one {peer.unit}")
    except IolausError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("tune", help="freeze settings on development worlds")
    one.add_argument("--worlds", type=Path, nargs="+", required=True, metavar="DIR")
    one.add_argument("--peers", nargs="+", choices=list(PEERS), help="all by default")
    one.add_argument("--made-with", default="", metavar="SHA", help="commit that made the worlds")
    one.add_argument("--out", type=Path, default=FROZEN)
    two = commands.add_parser("run", help="one peer on one log, with its frozen setting")
    two.add_argument("--peer", choices=list(PEERS), required=True)
    two.add_argument("--log", type=Path, required=True)
    two.add_argument("--out", type=Path, required=True)
    commands.add_parser("list", help="what there is")
    return parser.parse_args()


def _tune(worlds: list[Path], names: list[str], out: Path, made_with: str) -> None:
    frozen = tune([PEERS[name] for name in names], worlds, out, print, made_with)
    for name in names:
        entry = frozen["peers"][name]
        print(f"\n{name}: mean F1 {entry['mean_f1']} at {entry['setting']}")
        for world, row in entry["worlds"].items():
            print(f"  {world:16}", "  ".join(f"{k} {v}" for k, v in row.items()))
        for world, why in entry["not_applicable"].items():
            print(f"  {world:16} not applicable: {why}")


def _run(name: str, log: Path, out: Path) -> None:
    began = time.monotonic()
    why = scan(PEERS[name], log, setting_of(PEERS[name]), out)
    said = f"not applicable: {why}" if why else f"written to {out}"
    print(f"{name}: {said} ({time.monotonic() - began:.1f} s)")


if __name__ == "__main__":
    sys.exit(main())
