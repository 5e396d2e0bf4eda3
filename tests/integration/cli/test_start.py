"""Everyday commands import no large package that they do not need."""

import json
import subprocess
import sys

import pytest

from tests.support.campaign_files import table_space

LARGE = (
    "scipy.stats",
    "numba",
    "pandas",
    "torch",
    "plotly",
    "matplotlib",
    "prefect",
    "pymatgen",
    "botorch",
    "sklearn",
    "fastapi",
)
CALLED = f"""
import sys
from tansaku.deploy.cli.main import main
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
sys.stderr.write("imported: " + " ".join(name for name in {(*LARGE, "scipy")!r} if name in sys.modules))
"""

PARAMETERS = {"type": "parameters", "parameters": {"x": {"type": "number", "low": 0, "high": 1}}, "pool": 32}
TABLE = table_space("rows.csv", {"id": "id"}, {"numbers": {"columns": ["x"], "units": {"x": "1"}}})


@pytest.fixture
def imported(mongo_database, tmp_path):
    """``imported("list")`` calls a command in a process of its own and returns which large packages that imported."""

    site = tmp_path / "site.yaml"  # whose database has no campaigns of other tests
    site.write_text(json.dumps({"schema_version": 1, "database": {"name": mongo_database.name}}))

    def call(*arguments):
        words = [sys.executable, "-c", CALLED, *arguments, "--site", str(site)]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        return set(done.stderr.rpartition("imported:")[2].split())

    return call


@pytest.mark.parametrize(
    ("space", "first", "second", "needed"),
    [(PARAMETERS, "p000001", "p000002", set()), (TABLE, "r1", "r2", {"pandas"})],
    ids=["parameters", "table"],
)
def test_commands_import_little(imported, tmp_path, space, first, second, needed):
    """Checking and asking need a model, thus SciPy; to read a table PyArrow imports pandas where that is installed."""
    name = f"start-{space['type']}"
    (tmp_path / "rows.csv").write_text("id,x\n" + "".join(f"r{i},{i / 20}\n" for i in range(20)))
    document = {
        "schema_version": 1,
        "name": name,
        "space": space,
        "calculator": {"type": "manual"},
        "objective": {"property": "loss", "unit": "1"},
        "proposer": {"type": "gp", "initial_points": 1},
    }
    (tmp_path / "file.yaml").write_text(json.dumps(document))
    assert imported("check", "file.yaml") <= needed | {"scipy"}
    imported("run", "file.yaml", "--no-run")
    (tmp_path / "values.csv").write_text(f"candidate,value [1]\n{first},1\n{second},2\n")
    assert imported("tell", name, "values.csv") <= needed
    assert imported("ask", name) <= needed | {"scipy"}
    for words in (["list"], ["status", name], ["results", name]):
        assert imported(*words) <= needed, words
