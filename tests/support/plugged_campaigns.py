"""Campaigns that use what installed plug-ins add, written without knowing a name of theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from tansaku.models.domain.objectives import OBJECTIVES
from tansaku.models.domain.plugins import found_plugins
from tansaku.models.domain.specs.calculators.table import CALCULATORS
from tansaku.models.domain.specs.space import SPACE_SPECS
from tests.support.plugin_packages import ROOT

Keys = dict[str, Any]


def names(group: str) -> list[str]:
    """Types that plug-ins add to a group."""
    return [plugin.name for plugin in found_plugins() if plugin.group == group]


def plugged_spaces(known: Mapping[str, Keys]) -> Iterator[Keys]:
    """Each space of a plug-in, with the keys of a space that it is derived from, and the features of plug-ins if it has any.

    Args:
        known: Keys of spaces of tansaku's own, by type, beside those of the examples.
    """
    examples = [yaml.safe_load(path.read_text())["space"] for path in sorted((ROOT / "examples").glob("*.yaml"))]
    features = {f"group_{number}": {"type": name} for number, name in enumerate(names("features"))}
    for name in names("spaces"):
        fitting = [space for space in (*known.values(), *examples) if issubclass(SPACE_SPECS[name], SPACE_SPECS[space["type"]])]
        assert fitting, f"no example has a space that {name!r} is derived from"
        described = "features" in SPACE_SPECS[name].model_fields and features
        yield fitting[0] | {"type": name} | ({"features": features} if described else {})


def plugged_calculators() -> Iterator[Keys]:
    """Each calculator of a plug-in, with the keys by which it says that it can be opened."""
    for kind in CALCULATORS:
        if kind.type_name() in names("calculators"):
            yield {"type": kind.type_name(), **kind.facts.example}


def plugged_campaigns(known: Mapping[str, Keys]) -> list[dict[str, Keys]]:
    """Keys of campaigns, and of the site's launcher, that between them use all that plug-ins add.

    One campaign for each space with each calculator; objectives, proposers, surrogates and launchers take turns.

    Args:
        known: See :func:`plugged_spaces`.
    """
    others = {group: names(group) for group in ("objectives", "proposers", "surrogates", "launchers")}
    pairs = [(space, calculator) for space in plugged_spaces(known) for calculator in plugged_calculators()]
    turns = max(len(pairs), *(len(found) for found in others.values()))
    campaigns = []
    for turn in range(turns):
        space, calculator = pairs[turn % len(pairs)]
        objective, proposer, surrogate, launcher = (found[turn % len(found)] for found in others.values())
        keys = {
            "space": space,
            "calculator": calculator,
            "objective": {"property": objective, "unit": OBJECTIVES[objective].units[0]},
            "proposer": {"type": proposer},
            "retrain": {"surrogate": {"type": surrogate}, "learns": "calculator", "first": 4, "held_out": 0.25},
            "budget": {"evaluations": 8},
            "execution": {"in_flight": 2, "retries": 1, "retry_backoff": 0.01, "polish": 0, "timeout": 60},
        }
        campaigns.append({"keys": keys, "launcher": {"type": launcher, "workers": 1, "kill_grace": 0.5}})
    return campaigns
