"""The import rules hold, and each of them notices when it is broken."""

import re

import pytest

ROOMS_ABOVE = "rooms > deploy > flows > tasks"

PLANTED = [
    ("models/domain", "import ase", "the domain knows"),
    ("models/domain", "from pymongo import MongoClient", "the domain knows"),
    ("models/domain", "from tansaku.models.features import planted", "engine | surrogates > averaging > features > domain"),
    ("models/engine", "from tansaku.models import surrogates", "engine | surrogates > averaging > features > domain"),
    ("models/averaging", "from tansaku.models import engine", "engine | surrogates > averaging > features > domain"),
    ("models/features", "from tansaku import calculators", ROOMS_ABOVE),
    ("calculators/engines", "from tansaku import spaces", ROOMS_ABOVE),
    ("spaces", "from tansaku.tasks import backends", ROOMS_ABOVE),
    ("tasks", "from tansaku import flows", ROOMS_ABOVE),
    ("flows", "def later():\n    from tansaku import deploy\n    return deploy", ROOMS_ABOVE),
    ("tasks", "import prefect", "prefect only"),
    ("tasks/loop/steps", "import prefect.flows", "prefect only"),
    ("tasks/backends/launchers", "import pymongo", "pymongo only"),
    ("deploy/cli", "from bson import ObjectId", "pymongo only"),
    ("tasks/backends/stores", "import fireworks", "fireworks and jobflow only"),
    ("flows", "import jobflow", "fireworks and jobflow only"),
    ("flows", "import typer", "typer only"),
    ("deploy/web", "import typer", "typer only"),
    ("tasks/act/replay", "import fastapi", "fastapi, jinja2, argon2 only"),
    ("deploy/cli", "import jinja2", "fastapi, jinja2, argon2 only"),
    ("deploy/web/api", "import prefect", "the web process speaks"),
    ("deploy/web/pages", "from tansaku import flows", "the web process speaks"),
    ("deploy/web", "def later():\n    from pymongo import MongoClient\n    return MongoClient", "the web process speaks"),
    ("deploy/cli", "import torch", "torch only"),
    ("tasks", "def later():\n    import botorch\n    return botorch", "torch only"),
    ("tasks/node/jobs", "from tansaku.tasks.backends.stores import archive", "tasks: act > read"),
    ("tasks/node/configuration", "import pymongo", "pymongo only"),
    ("tasks/ground/site", "from tansaku.tasks.backends import launchers", "tasks: act > read"),
    ("tasks/loop/steps", "from tansaku.tasks.read import views", "tasks: act > read"),
    (
        "deploy/cli",
        "def later():\n    from tansaku import sparse\n    return sparse",
        ROOMS_ABOVE,
    ),
    ("models/engine", "from tansaku.sparse import models", ROOMS_ABOVE),
    (
        "tasks",
        "def later():\n    from tansaku.diffusion import hops\n    return hops",
        ROOMS_ABOVE,
    ),
    ("rooms/sparse/tasks", "from tansaku.diffusion import hops", ROOMS_ABOVE),
    ("rooms/diffusion/hops", "from tansaku.diffusion import tasks", "diffusion: cli | web > tasks > hops"),
    ("rooms/diffusion/hops", "import prefect", "prefect only"),
    ("tasks/act/replay", "def later():\n    from tansaku import peers\n    return peers", ROOMS_ABOVE),
    ("rooms/peers", "import pymongo", "pymongo only"),
    ("calculators/engines", "def later():\n    from tansaku.potentials import engine\n    return engine", ROOMS_ABOVE),
    ("rooms/potentials/specs", "import ase", "the domain knows"),
    ("rooms/potentials/features", "from tansaku.potentials import network", "potentials: engine > network > features"),
    ("rooms/potentials/network", "import pymongo", "a compute node speaks"),
    ("rooms/diffusion/web", "import typer", "typer only"),
    ("rooms/sparse/models", "from tansaku.sparse import tasks", "sparse: cli | web > tasks > models"),
    ("rooms/sparse/tasks", "import prefect", "prefect only"),
    ("rooms/sparse/web", "import typer", "typer only"),
]
"""Package, lines of a module planted in it, and the begin of the broken rule's name."""

FOR_TYPING = '"""Planted."""\n\nfrom typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from ase import Atoms\n'


def imported(lines: str) -> str:
    """The module that planted lines import, as import-linter names it."""
    module, name = re.search(r"(?:from (\S+) )?import (\S+)", lines).groups()
    if module is None:
        return name.partition(".")[0]
    return f"{module}.{name}" if module.startswith("tansaku") else module


@pytest.fixture(scope="module")
def broken(gate, tree):
    """What each broken rule says of the tree with all of ``PLANTED`` in it, by the rule's name."""
    planted = {tree / package / f"planted_{number}.py": lines for number, (package, lines, _) in enumerate(PLANTED)}
    planted[tree / "models/features/planted.py"] = "PLANTED = 1"
    for path, lines in planted.items():
        path.write_text(f'"""Planted."""\n\n{lines}\n')
    result = gate("lint-imports", "--no-cache", "--no-logo")
    for path in planted:
        path.unlink()
    assert result.returncode == 1, result.stdout
    verdicts, _, details = result.stdout.partition("Broken contracts")
    names = re.findall(r"^(.+?) BROKEN\b", verdicts, re.MULTILINE)
    parts = re.split(rf"^({'|'.join(map(re.escape, names))})$", details, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_a_planted_circle_of_rooms_is_noticed(gate, tree):
    path = tree / "tasks/backends/stores/planted_circle.py"
    path.write_text('"""Planted."""\n\nfrom tansaku.tasks.backends import launchers\n')
    said = gate("lint-imports", "--no-cache", "--no-logo", "--contract", "rooms").stdout
    path.unlink()
    assert "No cycles are allowed in tansaku.tasks.backends." in said
    assert ".stores -> .launchers" in said


@pytest.mark.parametrize(("number", "rule"), [(number, rule) for number, (_, _, rule) in enumerate(PLANTED)])
def test_a_planted_import_is_noticed(broken, number, rule):
    package, lines, _ = PLANTED[number]
    (said,) = (text for name, text in broken.items() if name.startswith(rule))
    module = f"tansaku.{package.removeprefix('rooms/').replace('/', '.')}.planted_{number}"
    assert re.search(rf"{re.escape(module)} -> {re.escape(imported(lines))}\s+\(l\.\d+\)", said), said


@pytest.fixture(scope="module")
def verdict(gate, tree):
    """What is said of the tree as it is, but for an import that is for typing alone."""
    path = tree / "models/domain/planted.py"
    path.write_text(FOR_TYPING)
    result = gate("lint-imports", "--no-cache", "--no-logo")
    path.unlink()
    return result


def test_the_rules_hold_and_an_import_for_typing_alone_is_allowed(verdict):
    assert verdict.returncode == 0, verdict.stdout
    assert " 0 broken" in verdict.stdout
