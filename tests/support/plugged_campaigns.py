"""A campaign that uses what installed plug-ins add, written without knowing a name of theirs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from tansaku.models.domain.plugins import plugin_of
from tansaku.models.domain.specs.calculators.table import CALCULATORS
from tansaku.models.domain.specs.space import SPACE_SPECS
from tests.support.plugin_packages import ROOT


def plugged_spaces() -> Iterator[dict[str, Any]]:
    """Each space of a plug-in, with the keys of an example whose space it is derived from."""
    examples = [yaml.safe_load(path.read_text())["space"] for path in sorted((ROOT / "examples").glob("*.yaml"))]
    for name, kind in SPACE_SPECS.items():
        if plugin_of("spaces", name) is not None:
            fitting = [space for space in examples if issubclass(kind, SPACE_SPECS[space["type"]])]
            assert fitting, f"no example has a space that {name!r} is derived from"
            yield fitting[0] | {"type": name}


def plugged_calculators() -> Iterator[dict[str, Any]]:
    """Each calculator of a plug-in, with the keys by which it says that it can be opened."""
    for kind in CALCULATORS:
        if plugin_of("calculators", kind.type_name()) is not None:
            yield {"type": kind.type_name(), **kind.facts.example}


def plugged_campaigns() -> list[dict[str, Any]]:
    """Keys of a campaign for each space of a plug-in with each calculator of one."""
    return [
        {
            "space": space,
            "calculator": calculator,
            "objective": {"property": "energy_per_atom", "unit": "eV/atom"},
            "proposer": {"type": "random"},
            "budget": {"evaluations": 4},
            "execution": {"in_flight": 2, "retries": 1, "retry_backoff": 0.01, "polish": 0, "timeout": 60},
        }
        for space in plugged_spaces()
        for calculator in plugged_calculators()
    ]
