"""``python -m tests.photographs``: makes stored campaigns, takes photographs of them and compares photographs."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

STORED = Path(__file__).with_name("cde8d5ae")
"""The stored campaigns, and their photographs by the commit that made them."""


def main() -> None:
    """Carries out one of the commands."""
    parser = argparse.ArgumentParser(prog="python -m tests.photographs", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make", help="run the stored campaigns by this checkout: dump, exports, further proposals")
    make.add_argument("folder", type=Path)
    take = commands.add_parser("take", help="take photographs by this checkout")
    take.add_argument("folder", type=Path)
    compare = commands.add_parser("compare", help="print what differs; exit status 1 where anything does")
    compare.add_argument("before", type=Path)
    compare.add_argument("after", type=Path)
    compare.add_argument("--json", action="store_true", help="JSON instead of text")
    measure = commands.add_parser("measure", help="run quick benchmarks by this checkout")
    measure.add_argument("folder", type=Path)
    ratios = commands.add_parser("ratios", help="print figures side by side; exit status 1 where a replay proposes others")
    ratios.add_argument("before", type=Path)
    ratios.add_argument("after", type=Path)
    given = parser.parse_args()
    if given.command == "make":
        from tests.photographs.making import make as make_campaigns
        from tests.photographs.resuming import write_expected

        make_campaigns(given.folder)
        write_expected(given.folder)
    elif given.command == "take":
        from tests.photographs.comparing import write_photographs
        from tests.photographs.taking import take as take_all

        write_photographs(given.folder, take_all(STORED))
    elif given.command == "measure":
        from tests.photographs.figures import measure as measure_all

        measure_all(given.folder)
    elif given.command == "ratios":
        sys.exit(_ratios(given.before, given.after))
    else:
        sys.exit(_compare(given.before, given.after, as_json=given.json))


def _compare(before: Path, after: Path, *, as_json: bool) -> int:
    from tests.photographs.comparing import PURPOSEFUL, compared, read_photographs, read_purposes

    purposes = read_purposes(PURPOSEFUL)
    found = list(compared(read_photographs(before), read_photographs(after)))
    wrong = [one for one in found if not any(purpose.covers(one) for purpose in purposes)]
    if as_json:
        print(json.dumps([vars(one) for one in wrong], indent=1))
    else:
        for one in wrong:
            print(one)
        print(f"{len(wrong)} differences, {len(found) - len(wrong)} more on purpose")
    for purpose in purposes:
        if not any(purpose.covers(one) for one in found):
            print(f"{PURPOSEFUL.name}: nothing differs any more at {purpose.item} {purpose.path}", file=sys.stderr)
    return 1 if wrong else 0


def _ratios(before: Path, after: Path) -> int:
    from tests.photographs.figures import FIGURES, other_candidates, ratios

    old, new = (json.loads((folder / FIGURES).read_text(encoding="utf-8")) for folder in (before, after))
    for path, one, other in ratios(old, new):
        print(f"{path:<60} {one:>12.4g} {other:>12.4g} {other / one if one else float('nan'):>8.2f}")
    changed = other_candidates(old, new)
    for run in changed:
        print(f"boundaries, {run}: other candidates")
    return 1 if changed else 0


if __name__ == "__main__":
    main()
