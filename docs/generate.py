"""Writes the table of verbs on the page of commands: `make docs`."""

from __future__ import annotations

from pathlib import Path

from tansaku.models.domain.states import CampaignState
from tansaku.models.domain.verbs import METAVARS, VERBS

DOCS = Path(__file__).parent
COMMANDS = "reference/commands.md"
_BEGIN, _END = "<!-- written by `make docs` -->\n", "<!-- until here -->"


def commands_page() -> str:
    """The page of commands, with a row for each verb."""
    before, _, rest = (DOCS / COMMANDS).read_text(encoding="utf-8").partition(_BEGIN)
    rows = ["| command | what it does | applies to campaigns that are |", "| --- | --- | --- |"]
    for kind, verb in VERBS.items():
        others = [state.value for state in CampaignState if state not in verb.states]
        known = [state.value for state in CampaignState if state in verb.states]
        states = "in any state" if not others else f"not {others[0]}" if len(others) == 1 else ", ".join(known)
        usage = f"tansaku {kind} NAME {METAVARS[verb.argument]}".strip()
        rows.append(f"| `{usage}` | {verb.does} | {states} |")
    return before + _BEGIN + "\n".join(rows) + "\n" + _END + rest.partition(_END)[2]


if __name__ == "__main__":
    page = commands_page()
    (DOCS / COMMANDS).write_text(page, encoding="utf-8")
