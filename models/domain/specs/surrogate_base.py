"""Base class of the surrogates' specs. Code that depends on the surrogate asks its spec and names no type."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field

from tansaku.models.domain.specs.base import KindSpec
from tansaku.models.domain.specs.objective import PROPERTY_PATTERN

FREE_ATOMS = "free_atoms"
"""Name of the field that every structure has."""

PropertyName = Annotated[str, Field(pattern=PROPERTY_PATTERN)]


class SurrogateBase(KindSpec):
    """Base class of the specs of surrogates; ``opener`` names the trainer, which is called with the spec."""

    restore: ClassVar[str]
    """Module and name in it of what rebuilds the fitted surrogate from its weights; called with weights and device."""

    informer: ClassVar[str] = ""
    """Module and name in it of what tells a proposer how far the networks disagree on a pool; called with space, pool, campaign
    and artifacts."""

    program_files: ClassVar[str] = ""
    """Module and name in it of a function of fitted surrogate, name and format that returns the files of another program."""

    def of_new(self) -> Self:
        """The spec of a new campaign or model: with defaults that those stored before a key do not have."""
        return self

    def uses_gpu(self) -> bool:
        """Whether it gains from a GPU."""
        return False

    def learned_properties(self) -> tuple[str, ...]:
        """Names of the scalars that it learns."""
        return ("energy",)

    def needed_fields(self) -> tuple[str, ...]:
        """Names of the fields without which it sees nothing of a structure."""
        return ()

    @property
    def committee(self) -> int:
        """Number of networks that can disagree, and whose training can begin with given weights; 0: it has none."""
        return 0
