"""The spec of a space: any of those that the door lists."""

from typing import TYPE_CHECKING

from tansaku.models.domain.door import one_of, spec_kinds
from tansaku.models.domain.specs.space_base import SpaceBase

SPACE_SPECS = spec_kinds("spaces", SpaceBase)
"""Classes of specs by type; each carries the description of its kind."""

if TYPE_CHECKING:
    SpaceSpec = SpaceBase
else:
    SpaceSpec = one_of(SPACE_SPECS.values())
