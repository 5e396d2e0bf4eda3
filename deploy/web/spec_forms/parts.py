"""Parts that several forms have: name and budget, what is wanted, and what computes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from tansaku.calculators.engines.openkim import installed_models
from tansaku.calculators.engines.potentials import shipped_folder
from tansaku.deploy.web.spec_forms.fields import (
    Field,
    Part,
    at,
    choice,
    found,
    list_at,
    mapping_at,
    name_and_unit,
    number,
    put,
    shown,
)
from tansaku.deploy.web.spec_forms.shelf import Shelf
from tansaku.models.domain.errors import MissingComponentError
from tansaku.models.domain.library import ENDINGS
from tansaku.models.domain.objectives import described
from tansaku.models.domain.records import JsonDict

PEOPLE = {"manual": "people report the values"}
COMPUTED = {
    "emt": "effective-medium theory, to try things (Al, Cu, Ag, Au, Ni, Pd, Pt)",
    "lammps": "LAMMPS with a potential file",
    "chgnet": "CHGNet, a universal network potential",
}
DIRECTIONS = {"minimize": "low values", "maximize": "high values"}
ALSO = ("objective", "goal", "also")
"""Key of the further goals."""
MOST_FURTHER = 3


def campaign(_: JsonDict) -> Part:
    """Keys that every campaign has."""
    return Part(
        "Campaign",
        [
            at("name", "Name", about="Small letters, digits and hyphens"),
            number("budget.evaluations", "Evaluations in all"),
        ],
    )


def further(data: JsonDict) -> Part:
    """Keys of every campaign that few people change."""
    by_people = found(data, ("calculator", "type")) == "manual"
    return Part(
        "More",
        [
            number("seed", "Seed"),
            number("budget.cost", "Budget: cost"),
            number("budget.fraction", "Budget: share of the cost of all candidates, such as 0.1"),
            number("execution.in_flight", "Proposals that wait at a time" if by_people else "In flight"),
        ],
        more=True,
    )


def measured() -> list[Field]:
    """Fields for a property that people report; a unit typed behind its name, as in ``yield (%)``, is that of the values."""

    def write(data: JsonDict, text: str) -> None:
        name, unit = name_and_unit(text)
        put(data, ("objective", "property"), name or None)
        if unit and found(data, ("objective", "unit")) in (None, "1"):
            put(data, ("objective", "unit"), unit)

    return [
        replace(at("objective.property", "What you measure, such as yield"), write=write),
        at("objective.unit", "Its unit (1 for a plain number)"),
        direction(),
    ]


def further_names(data: JsonDict) -> list[str]:
    """Names of the further goals."""
    return [shown(found(entry, ("property",))) for entry in list_at(data, ALSO)]


def direction() -> Field:
    """Whether low or high values are wanted."""
    return choice("objective.direction", "You want", DIRECTIONS, "minimize")


def computed_property(properties: Mapping[str, str]) -> Field:
    """A field for a property that is computed; its usual unit comes with it.

    Args:
        properties: Names with their words, the usual one first.
    """

    def write(data: JsonDict, text: str) -> None:
        put(data, ("objective", "property"), text)
        if text in properties and found(data, ("objective", "unit")) not in described(text).units:
            put(data, ("objective", "unit"), described(text).units[0])
        if text in properties and described(text).needs == "phases" and found(data, ("space", "phases")) is None:
            put(data, ("space", "phases"), {"references": "compute"})

    field = choice(
        "objective.property", "What is wanted", properties, next(iter(properties)), covers=("objective", "space.phases")
    )
    return replace(field, write=write)


def calculator(data: JsonDict, shelf: Shelf, choices: Mapping[str, str]) -> Part:
    """The part about the calculator.

    Args:
        choices: Types of calculators with their words.
    """
    kind = found(data, ("calculator", "type"))

    def write(data: JsonDict, text: str) -> None:
        before = mapping_at(data, ("calculator",))
        if text != found(data, ("calculator", "type")):
            kept = {"relaxation": before["relaxation"]} if text != "manual" and "relaxation" in before else {}
            data["calculator"] = {"type": text, **kept}

    named = {**choices, **({kind: kind} if isinstance(kind, str) and kind not in choices else {})}
    field = choice("calculator.type", "Values come from", named, covers=("calculator",))
    fields = [replace(field, write=write)]
    if kind == "lammps":
        known = [*shelf.names("potential"), *_shipped()]
        fields.append(at("calculator.potential", "Potential", files="potential", suggestions=known))
    return Part("Calculator", fields)


@cache
def _shipped() -> Sequence[str]:
    try:
        shipped = sorted(path.name for path in shipped_folder().iterdir() if path.name.endswith(ENDINGS["potential"]))
        return [*shipped, *installed_models()]
    except MissingComponentError:
        return ()
