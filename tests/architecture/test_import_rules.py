"""The import rules hold, and each of them notices when it is broken."""

import pytest


def test_the_rules_hold(gate):
    result = gate("lint-imports", "--no-cache", "--no-logo")
    assert result.returncode == 0, result.stdout
    assert " 0 broken" in result.stdout


@pytest.mark.parametrize(
    ("package", "line", "rule"),
    [
        ("models/domain", "import ase", "the domain knows"),
        ("models/domain", "from pymongo import MongoClient", "the domain knows"),
        ("models/domain", "from tansaku.models.features import planted", "engine | surrogates | sparse > features > domain"),
        ("models/engine", "from tansaku.models import surrogates", "engine | surrogates | sparse > features > domain"),
        ("models/sparse", "from tansaku.models import engine", "engine | surrogates | sparse > features > domain"),
        ("models/features", "from tansaku import calculators", "deploy > flows > tasks"),
        ("calculators/engines", "from tansaku import spaces", "deploy > flows > tasks"),
        ("spaces", "from tansaku.tasks import stores", "deploy > flows > tasks"),
        ("tasks", "from tansaku import flows", "deploy > flows > tasks"),
        ("flows", "def later():\n    from tansaku import deploy\n    return deploy", "deploy > flows > tasks"),
        ("tasks", "import prefect", "prefect only"),
        ("tasks/steps", "import prefect.flows", "prefect only"),
        ("tasks/launchers", "import pymongo", "pymongo only"),
        ("deploy/cli", "from bson import ObjectId", "pymongo only"),
        ("tasks/stores", "import fireworks", "fireworks and jobflow only"),
        ("flows", "import jobflow", "fireworks and jobflow only"),
        ("flows", "import typer", "fastapi, typer, nicegui only"),
        ("tasks/replay", "import fastapi", "fastapi, typer, nicegui only"),
        ("deploy/cli", "import torch", "torch only"),
        ("tasks", "def later():\n    import botorch\n    return botorch", "torch only"),
        ("tasks/jobs", "from tansaku.tasks.stores import migrations", "a compute node"),
        ("tasks/jobs", "from tansaku.tasks import launchers", "a compute node"),
    ],
)
def test_a_planted_import_is_noticed(gate, plant, package, line, rule):
    if line.endswith("features import planted"):
        plant("models/features/planted.py", '"""Planted."""\n')
    plant(f"{package}/planted.py", f'"""Planted."""\n\n{line}\n')
    result = gate("lint-imports", "--no-cache", "--no-logo")
    assert result.returncode == 1, result.stdout
    broken = [text for text in result.stdout.splitlines() if text.endswith("BROKEN") or " BROKEN " in text]
    assert any(text.startswith(rule) for text in broken), result.stdout


def test_an_import_for_typing_alone_is_allowed(gate, plant):
    plant(
        "models/domain/planted.py",
        '"""Planted."""\n\nfrom typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from ase import Atoms\n',
    )
    assert gate("lint-imports", "--no-cache", "--no-logo").returncode == 0
