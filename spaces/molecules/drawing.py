"""Generates molecules from known ones, by random choices that depend on the spec alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.specs.molecules import GenerationSpec, MoleculesSpaceSpec
from tansaku.models.features.molecules import Molecule, canonical, molecule_of
from tansaku.spaces.molecules.edits import Edits
from tansaku.spaces.molecules.fragments import Parts
from tansaku.spaces.molecules.rules import Rules

_ROUNDS = 64
"""The wanted number times this is tried at most."""

_IN_VAIN = 2000
"""Attempts in a row without a new molecule after which there are no more."""


@dataclass(eq=False)
class Found:
    """The candidates of a space.

    Attributes:
        known: SMILES of known molecules that are candidates, in ascending order.
        made: SMILES of the others, in ascending order.
        left_out: How many distinct molecules broke each rule first, known or made.
    """

    known: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    left_out: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Workshop:
    """Everything needed to generate molecules.

    Attributes:
        known: SMILES of known molecules, in ascending order.
        parts: Their parts.
        edits: Of molecules.
        rules: What candidates must meet.
    """

    known: tuple[str, ...]
    parts: Parts
    edits: Edits
    rules: Rules

    def candidates(self, spec: MoleculesSpaceSpec) -> Found:
        """The known molecules that meet the rules, and generated ones, according to the spec.

        Args:
            spec: Of the space.
        """
        found, how = Found(), spec.generate
        if spec.known:
            found.known = tuple(smiles for smiles in self.known if self._meets(smiles, found))
        if how is None:
            return found
        rng = np.random.default_rng(spec.seed)
        written, seen, made, in_vain = set[str](), set(self.known), list[str](), 0
        for _ in range(_ROUNDS * how.number):
            raw = self._try(how, rng)
            new = raw is not None and raw not in written
            written |= {raw} if raw is not None else set()
            smiles = plain(raw) if new and raw is not None else None
            if smiles is None or smiles in seen:
                in_vain += 1
                if in_vain == _IN_VAIN:
                    break
                continue
            seen.add(smiles)
            in_vain = 0
            if self._meets(smiles, found):
                made.append(smiles)
                if len(made) == how.number:
                    break
        found.made = tuple(sorted(made))
        return found

    def neighbours(self, smiles: str) -> list[str]:
        """The candidates that are one edit away from a molecule, each kind of edit in turn.

        Args:
            smiles: The molecule.
        """
        by_kind = [list(found) for found in self.edits.neighbours(smiles).values()]
        # Within a kind neighbours are in an order that is the same everywhere and follows no rule.
        for found in by_kind:
            np.random.default_rng(list(smiles.encode())).shuffle(found)
        in_turn = [found[i] for i in range(max(map(len, by_kind), default=0)) for found in by_kind if i < len(found)]
        kept: dict[str, None] = {}
        for raw in in_turn:
            own = plain(raw)
            if own is not None and own != smiles and own not in kept and self.rules.broken(molecule_of(own)) is None:
                kept[own] = None
        return list(kept)

    def _try(self, spec: GenerationSpec, rng: np.random.Generator) -> str | None:
        """A molecule, joined from parts or known, with some edits."""
        joining = spec.fragments > 0 and bool(self.parts.smiles) and (spec.edits == 0 or rng.uniform() < 0.5)
        molecule = self.parts.joined(spec.fragments, rng) if joining else self._molecules[int(rng.integers(len(self.known)))]
        for _ in range(int(rng.integers(0 if joining else 1, spec.edits + 1)) if spec.edits else 0):
            molecule = None if molecule is None else self.edits.changed(molecule, rng)
        return None if molecule is None else canonical(molecule)

    @cached_property
    def _molecules(self) -> list[Molecule]:
        return [molecule_of(smiles) for smiles in self.known]

    def _meets(self, smiles: str, found: Found) -> bool:
        broken = self.rules.broken(molecule_of(smiles))
        if broken is not None:
            found.left_out[broken] += 1
        return broken is None


def plain(smiles: str) -> str | None:
    """Canonical SMILES of a molecule; None if RDKit cannot read it.

    The SMILES of an edited molecule is read once more, because its aromaticity may be perceived differently.
    """
    try:
        return canonical(molecule_of(smiles))
    except NotFoundError:
        return None
