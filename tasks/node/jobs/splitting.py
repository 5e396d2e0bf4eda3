"""Division of groups into training and held-out data; adding groups does not move the others."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Literal

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import content_hash
from tansaku.models.domain.specs.dataset import AboveSplitSpec, GroupsSplitSpec, ShareSplitSpec, SplitSpec
from tansaku.models.domain.surrogates import Example

Side = Literal["training", "held_out"]

_LARGEST = 16**16


def split(examples: Sequence[Example], rule: SplitSpec, seed: int) -> dict[str, Side]:
    """Side of each group, by name.

    Args:
        examples: All of a data set.
        seed: The data set's.

    Raises:
        ConfigurationError: A side stays empty, a structure lacks the number that the rule looks at, or there is no group of
            a name.
    """
    groups = sorted({example.group for example in examples})
    sides: dict[str, Side]
    if isinstance(rule, AboveSplitSpec):
        least = {group: min(_number(item, rule.key) for item in examples if item.group == group) for group in groups}
        sides = {group: "held_out" if least[group] > rule.above else "training" for group in groups}
    else:
        sides = sides_by_name(groups, rule, seed)
    for side in ("training", "held_out"):
        if side not in sides.values():
            raise ConfigurationError(
                f"split: no group of {len(groups)} is {'held out' if side == 'held_out' else 'left for training'}",
                hint="change the rule, or the seed of a share",
            )
    return sides


def sides_by_name(groups: Sequence[str], rule: ShareSplitSpec | GroupsSplitSpec, seed: int) -> dict[str, Side]:
    """Sides that depend on the groups' names only.

    Args:
        seed: The data set's.

    Raises:
        ConfigurationError: There is no group of a name.
    """
    if isinstance(rule, ShareSplitSpec):
        return {group: "held_out" if _draw(seed, group) < rule.held_out else "training" for group in groups}
    unknown = [item for item in rule.held_out if not any(fnmatchcase(group, item) for group in groups)]
    if unknown:
        raise ConfigurationError(f"split.held_out: no group {unknown[0]!r}; available: {', '.join(groups)}")
    return {group: "held_out" if any(fnmatchcase(group, item) for item in rule.held_out) else "training" for group in groups}


def side_of(examples: Sequence[Example], groups: dict[str, Side], side: Side) -> list[Example]:
    """Examples of one side."""
    return [example for example in examples if groups[example.group] == side]


def _draw(seed: int, group: str) -> float:
    """A number between 0 and 1 that belongs to seed and name."""
    return int(content_hash(["split", seed, group])[:16], 16) / _LARGEST


def _number(example: Example, key: str) -> float:
    value = example.info.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigurationError(
            f"split.key: {example.id} has no number {key!r}; its metadata keys are {', '.join(sorted(example.info)) or 'none'}"
        )
    return float(value)
