"""Nothing names a kind of thing but the door and the kind itself: no module imports its spec, and none compares its type."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tansaku.models.domain.ours import OURS
from tests.support.rooms import ROOMS

ROOT = Path(__file__).resolve().parents[2]
TOPS = ("models", "calculators", "spaces", "tasks", "flows", "deploy")
GROUPS = ("calculators", "spaces", "proposers", "features", "launchers", "surrogates")
TABLE = "models/domain/ours.py"
SPECS: dict[str, str] = {}
"""Groups by class of spec."""

GROUP_OF: dict[str, str] = {}
"""Groups by type; of a type in several groups the last one."""

DESCRIBED: dict[str, str] = {}
"""Modules of descriptors by class and type."""

for _group in GROUPS:
    for _name, _value in OURS[_group].items():
        _module, _, _spec = _value.partition(":")
        SPECS[_spec] = GROUP_OF[_name] = _group
        DESCRIBED[_spec] = DESCRIBED[_name] = _module.removeprefix("tansaku.").replace(".", "/") + ".py"

NAMED_ROOM = re.compile(rf"\b(tansaku\.({'|'.join(ROOMS)})|({'|'.join(ROOMS)})/)")
"""A room, as modules and templates name it."""

ORDINARY_WORDS = {
    "arms",
    "ase",
    "command",
    "composition",
    "crystals",
    "density",
    "disagreement",
    "function",
    "grid",
    "info",
    "listed",
    "local",
}
ORDINARY_WORDS |= {"molecules", "parameters", "potential", "prototypes", "random", "soap", "sparse", "stacked", "structures"}
ORDINARY_WORDS |= {"surrogate", "symmetry", "table"}
"""Types that also mean something else: only comparisons with ``.type`` count."""

OWN = {
    "calculators": ("calculators/engines/", "models/domain/specs/calculators/"),
    "spaces": ("spaces/",),
    "proposers": ("models/engine/",),
    "features": ("models/features/", "spaces/structures.py"),
    "launchers": ("tasks/backends/launchers/",),
    "surrogates": ("models/surrogates/",),
}
"""Where the kinds of a group compute; each may name itself there, and the test of the layers does the rest."""

_DEFAULT = "the default of a key that a file leaves open"
_FORMAT = "the name of a format of files"
_BOUNDARY = "the job, the check and the screening are of grain boundaries alone"

_FORM = "a form for people, written by hand"
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("deploy/python/campaign.py", "gp"): "the proposer whose acquisition a script's function replaces",
    ("deploy/web/spec_forms/boundaries.py", "grain_boundary"): _FORM,
    **{("deploy/web/spec_forms/parts.py", name): _FORM for name in ("chgnet", "emt", "lammps", "manual")},
    ("deploy/web/spec_forms/compositions.py", "manual"): _FORM,
    ("deploy/web/spec_forms/table.py", "manual"): _FORM,
    ("models/domain/specs/campaign.py", "GPProposerSpec"): _DEFAULT,
    ("models/domain/specs/retrain.py", "LocalEnergiesSpec"): _DEFAULT,
    ("models/domain/specs/site.py", "LocalLauncherSpec"): _DEFAULT,
    ("models/domain/specs/structures.py", "CompositionFeaturesSpec"): _DEFAULT,
    ("models/domain/specs/structures.py", "DensityFeaturesSpec"): _DEFAULT,
    ("models/domain/specs/structures.py", "SymmetryFeaturesSpec"): _DEFAULT,
    ("tasks/node/configuration/defaults.py", "GPProposerSpec"): _DEFAULT,
    ("models/domain/specs/transfer.py", "TableSpaceSpec"): "a table that a campaign learns from",
    ("tasks/act/checks/workflow.py", "GrainBoundarySpaceSpec"): _BOUNDARY,
    ("tasks/node/jobs/boundary.py", "GrainBoundarySpaceSpec"): _BOUNDARY,
    ("tasks/node/jobs/opened.py", "GrainBoundarySpaceSpec"): _BOUNDARY,
    ("tasks/act/checks/check.py", "GPProposerSpec"): "how its presets compare features",
    ("tasks/act/replay/methods.py", "GPProposerSpec"): "replays compare with it",
    ("tasks/act/replay/methods.py", "GridProposerSpec"): "replays compare with it",
    ("tasks/act/replay/methods.py", "RandomProposerSpec"): "replays compare with it",
    ("calculators/structures/export.py", "vasp"): _FORMAT,
    ("deploy/cli/models.py", "lammps"): _FORMAT,
    ("tasks/loop/training/exporting.py", "lammps"): _FORMAT,
    ("tasks/read/views/tabulation.py", "gp"): "the proposer in a campaign file that it writes",
}
"""What still names a kind elsewhere, and why. The list may only shrink."""


def named(path: str, source: str) -> set[str]:
    """Kinds of other modules that a module names: imported specs, types that it writes or compares."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            found |= {(SPECS[alias.name], alias.name) for alias in node.names if alias.name in SPECS}
        elif isinstance(node, ast.Constant) and node.value in GROUP_OF.keys() - ORDINARY_WORDS:
            found.add((GROUP_OF[node.value], node.value))
        elif isinstance(node, ast.Compare) and any(_is_type(part) for part in (node.left, *node.comparators)):
            words = {part.value for part in ast.walk(node) if isinstance(part, ast.Constant)}
            found |= {(GROUP_OF[word], word) for word in words & GROUP_OF.keys()}
    return {name for group, name in found if not path.startswith(OWN[group]) and DESCRIBED.get(name) != path}


def _is_type(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "type"


def test_only_a_kind_s_own_modules_name_it():
    paths = [path for top in TOPS for path in (ROOT / top).rglob("*.py") if "templates" not in path.parts]
    modules = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}
    found = {(path, name) for path in modules.keys() - {TABLE} for name in named(path, modules[path])}
    assert found == EXCEPTIONS.keys()


def test_nothing_but_the_table_names_a_room():
    """Contracts leave out imports for typing alone, and see no text."""
    paths = [path for top in TOPS for path in (ROOT / top).rglob("*") if path.suffix in (".html", ".js", ".py")]
    found = {str(path.relative_to(ROOT)) for path in paths if NAMED_ROOM.search(path.read_text(encoding="utf-8"))}
    assert found == {TABLE}
    assert NAMED_ROOM.search("    from tansaku.diffusion.tasks.surface import CampaignSurface")


@pytest.mark.parametrize(
    "line",
    [
        "x = 'gpaw'",
        "import_module('lammps')",
        "if spec.proposer.type == 'sparse': pass",
        "from tansaku.models.domain.specs.calculators.emt import EmtSpec",
        "from tansaku.models.domain.specs.table import TableSpaceSpec",
    ],
)
def test_a_planted_name_of_a_kind_is_found(line):
    assert named("tasks/act/planted.py", line)
    assert not named("tasks/act/planted.py", "x = 'GPAW is a density-functional code'")
