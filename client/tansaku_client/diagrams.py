"""Phase diagrams, the same for tansaku and for its clients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_MOST_DRAWN = 3


class PhaseDiagram(ABC):
    """A phase diagram: its ``elements``, and how many finished evaluations gave no energy (``left_out``)."""

    elements: tuple[str, ...]
    left_out: int

    @property
    @abstractmethod
    def listed(self) -> Sequence[Mapping[str, Any]]:
        """One row per phase as plain data, in the order of the proposals, then those given; energies in eV/atom.

        ``decomposition`` has what an unstable phase falls into, each with its share of the atoms.
        """

    @property
    def stable(self) -> list[bool]:
        """Whether each phase is on the hull, in the order of the proposals, then those given."""
        return [row["stable"] for row in self.listed]

    @property
    def drawable(self) -> bool:
        """Whether there is a plane figure of it: of two or three elements."""
        return 2 <= len(self.elements) <= _MOST_DRAWN

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows, the most stable first."""
        rows = [dict(row) for row in self.listed]
        return sorted(rows, key=lambda row: (row["energy_above_hull"], row["formation_energy"], row["phase"]))

    @property
    def frame(self) -> pd.DataFrame:
        """The same as a frame."""
        import pandas as pd

        return pd.DataFrame(self.rows)

    def describe(self) -> str:
        """The stable phases in words."""
        found = dict.fromkeys(row["formula"] for row in self.listed if row["stable"])
        missing = f"; {self.left_out} finished without a computed energy" if self.left_out else ""
        return f"{'-'.join(self.elements)}: stable are {', '.join(found)}{missing}"


@dataclass(frozen=True)
class Hull(PhaseDiagram):
    """The phase diagram of a campaign of a server.

    Attributes:
        elements: Its elements.
        received: One row per phase.
        left_out: Finished evaluations that gave no computed energy.
    """

    elements: tuple[str, ...]
    received: Sequence[Mapping[str, Any]]
    left_out: int

    @property
    def listed(self) -> Sequence[Mapping[str, Any]]:
        """The rows as they came."""
        return self.received
