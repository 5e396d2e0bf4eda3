"""Charged ions with Buckingham potentials in LAMMPS: spec and facts."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from tansaku.models.domain.specs.base import NonNegativeFloat, PositiveFloat, Spec
from tansaku.models.domain.specs.calculators.contract import CalculatorBase, CalculatorFacts, Licence
from tansaku.models.domain.specs.relaxation import RelaxationSpec

Symbol = Annotated[str, Field(pattern=r"^[A-Z][a-z]?$")]


class BuckinghamPair(Spec):
    """Energy of two ions beside that of their charges, A exp(-r/rho) - C/r^6; without A and C the charges are all.

    Attributes:
        between: The two elements; one element twice for ions of the same kind.
        A: Strength of the repulsion [eV].
        rho: Range of the repulsion [Å]; needed with ``A``.
        C: Strength of the attraction [eV Å^6].
    """

    between: tuple[Symbol, Symbol]
    A: NonNegativeFloat = 0.0
    rho: PositiveFloat | None = None
    C: NonNegativeFloat = 0.0

    @field_validator("between")
    @classmethod
    def _in_order(cls, between: tuple[str, str]) -> tuple[str, str]:
        """One order for one pair, so that one potential has one hash."""
        first, second = sorted(between)
        return first, second

    @model_validator(mode="after")
    def _has_a_range(self) -> Self:
        if (self.rho is None) != (self.A == 0):
            expected = "a number of Å, because A is given" if self.A else "none without A"
            raise ValueError(f"rho: {self.rho}; expected {expected}")
        return self


class BuckinghamSpec(CalculatorBase):
    """Rigid ions with charges and Buckingham potentials, by LAMMPS (``buck/coul/long/cs`` with Ewald's sum).

    With the default accuracy and a cutoff of 8-12 Å energies agree with independent sums to 5e-7 of their value, forces to
    2e-6 eV/Å. Ions have no shells.

    Attributes:
        charges: Charge of the ions of each element [e].
        pairs: One entry for each pair of these elements. ``{between: [Mg, Mg]}`` says that only the charges act between them.
        cutoff: Distance beyond which the potentials of ``pairs`` are zero [Å]; they are shifted to be continuous there. Charges
            act at any distance.
        accuracy: Error of the forces between charges, as a part of the force between two unit charges 1 Å apart.
        relaxation: How every candidate is relaxed.
    """

    facts: ClassVar[CalculatorFacts] = CalculatorFacts(
        engine="tansaku.calculators.engines.buckingham",
        extra="lammps",
        package="lammps",
        licence=Licence(None, "its parameters are those of the campaign file"),
        elements_from="charges",
        silent=True,
        recorded=frozenset({"accuracy"}),
        keeps_unconverged=True,
        atomic_energies=True,
        dynamics=True,
        variables=("LAMMPS_",),
        example={"charges": {"Al": 0.0}, "pairs": [{"between": ["Al", "Al"], "A": 151680.0, "rho": 0.22, "C": 406.6}]},
    )

    type: Literal["buckingham"] = "buckingham"
    charges: Annotated[dict[Symbol, Annotated[float, Field(ge=-10, le=10)]], Field(min_length=1, max_length=20)]
    pairs: Annotated[tuple[BuckinghamPair, ...], Field(min_length=1, max_length=210)]
    cutoff: Annotated[float, Field(ge=4, le=30)] = 10.0
    accuracy: Annotated[float, Field(ge=1e-10, le=1e-4)] = 1e-8
    relaxation: RelaxationSpec = RelaxationSpec()

    @property
    def ionic_charges(self) -> Mapping[str, float]:
        """The key ``charges``."""
        return self.charges

    @field_validator("charges")
    @classmethod
    def _may_be_neutral(cls, charges: dict[str, float]) -> dict[str, float]:
        values = charges.values()
        if any(values) and not (min(values) < 0 < max(values)):
            raise ValueError(f"{_in_words(charges)}: no structure is neutral; expected charges of both signs, or 0 for all")
        return dict(sorted(charges.items()))

    @field_validator("pairs")
    @classmethod
    def _each_once(cls, pairs: tuple[BuckinghamPair, ...]) -> tuple[BuckinghamPair, ...]:
        found = sorted(pairs, key=lambda pair: pair.between)
        for pair, following in itertools.pairwise(found):
            if pair.between == following.between:
                raise ValueError(f"{'-'.join(pair.between)} is given twice; expected one entry for each pair")
        return tuple(found)

    @model_validator(mode="after")
    def _every_pair_has_an_entry(self) -> Self:
        expected = set(itertools.combinations_with_replacement(sorted(self.charges), 2))
        given = {pair.between for pair in self.pairs}
        for pair in sorted(given - expected):
            unknown = next(symbol for symbol in pair if symbol not in self.charges)
            raise ValueError(f"pairs: {'-'.join(pair)}; charges is {_in_words(self.charges)}, expected a charge of {unknown}")
        for first, second in sorted(expected - given):
            raise ValueError(
                f"pairs: nothing between {first} and {second}; expected an entry with A, rho and C, or {{between: [{first}, "
                f"{second}]}} if only their charges act"
            )
        return self


def _in_words(charges: dict[str, float]) -> str:
    return ", ".join(f"{symbol} {charge:+g}" for symbol, charge in charges.items())
