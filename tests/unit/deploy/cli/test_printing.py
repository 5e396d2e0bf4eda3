import contextlib
import io
import json
import re
from pathlib import Path

from tansaku.deploy.cli.exits import report
from tansaku.deploy.cli.printing import say, say_progress
from tansaku.deploy.cli.tables import show_json, show_table
from tansaku.models.domain.errors import ConfigurationError

HOSTILE = "x\x1b[31m\x1b]0;title\x07\x9b2J\u202e\r"
HARMLESS = "x\\x1b[31m\\x1b]0;title\\x07\\x9b2J\\u202e\\r"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(action, *arguments) -> str:
    """What a terminal gets from an action, on standard output and standard error."""
    screen = Terminal()
    with contextlib.redirect_stdout(screen), contextlib.redirect_stderr(screen):
        action(*arguments)
    return screen.getvalue()


def test_control_characters_are_written_out():
    assert on_terminal(say, f"Σ5 (210)\n{HOSTILE}") == f"Σ5 (210)\n{HARMLESS}\n"


def test_tables_on_a_terminal_hold_no_escapes_and_no_markup(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    told = on_terminal(show_table, ["[red]name", HOSTILE], [["[bold]a[/bold]", HOSTILE], ["b", 1.0]], HOSTILE)
    assert told.count(HARMLESS) == 3
    assert "[bold]a[/bold]" in told
    assert not re.search(r"\x1b\[31m|\x1b\]|\x07|\x9b|\u202e|\r", told)


def test_errors_keep_their_lines():
    error = ConfigurationError(f"key: {HOSTILE}", hint="look here")
    assert on_terminal(report, error) == f"error: key: {HARMLESS}\n  hint: look here\n"


def test_progress_erases_its_line_and_nothing_else():
    assert on_terminal(say_progress, HOSTILE) == f"\r\033[K{HARMLESS}"
    assert on_terminal(say_progress) == "\r\033[K"


def test_json_stays_the_same_data():
    value = {HOSTILE: [HOSTILE, "Σ", "\U000e0001"]}
    told = on_terminal(show_json, value)
    assert json.loads(told) == value
    assert told.replace("\n", "").isprintable()
    assert "Σ" in told


def test_every_command_prints_through_one_module():
    folder = Path(__file__).parents[4] / "deploy/cli"
    direct = re.compile(
        r"typer\.(?:echo|secho)|click\.(?:echo|secho)|(?<![\w.])print\(|sys\.std(?:out|err)\.write|to_csv\(sys|(?<![\w.])Text\("
    )
    strays = {
        f"{path.name}: {line.strip()}"
        for path in folder.glob("*.py")
        if path.name != "printing.py"
        for line in path.read_text().splitlines()
        if direct.search(line) and "clean(" not in line
    }
    assert strays == set()
