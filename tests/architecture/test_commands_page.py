"""The page on commands says what the program does."""

import inspect
import re
import sys
from pathlib import Path

from tansaku.deploy.cli.exits import MEANINGS
from tansaku.deploy.cli.main import app
from tansaku.deploy.cli.offered import every_command
from tansaku.models.domain.verbs import VERBS
from tests.support.rooms import ROOMS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")


def all_commands(command):
    """A command and, of a group, all that are in it."""
    return [command, *(below for inner in getattr(command, "commands", {}).values() for below in all_commands(inner))]


def test_exit_codes_are_those_of_the_program():
    listed = {int(code): meaning for code, meaning in re.findall(r"^\| (\d+) \| (.+) \|$", PAGE, re.MULTILINE)}
    assert listed == {code.value: meaning for code, meaning in MEANINGS.items()}


def test_options_on_the_page_exist():
    known = {
        option
        for command in all_commands(every_command(app))
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    } | {"--help"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE)) <= known


def test_the_first_line_of_a_module_names_its_commands():
    unnamed = []
    for name, command in every_command(app).commands.items():
        if not command.hidden and name not in VERBS:  # declared in a table
            for inner in all_commands(command):
                if inner.callback is not None and not hasattr(inner, "commands"):
                    module = sys.modules[inspect.unwrap(inner.callback).__module__]
                    if not re.search(rf"`(tansaku )?{name}\b", module.__doc__.partition("\n")[0]):
                        unnamed.append((module.__name__, name))
    assert unnamed == []


def test_modules_that_the_commands_name_exist():
    folders = ("deploy/cli", *(f"rooms/{room}" for room in ROOMS))
    files = [path for folder in folders for path in sorted((ROOT / folder).glob("*.py"))]
    pattern = r"`((?:tasks|flows|calculators|rooms)/[\w/]+\.py)`"
    named = [(path.name, name) for path in files for name in re.findall(pattern, path.read_text(encoding="utf-8"))]
    assert len(named) > 5
    assert [place for place in named if not (ROOT / place[1]).is_file()] == []
