"""Fields of a structure: those of OPTIMADE, and ours, whose names begin with ``_tansaku_``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from importlib.util import find_spec
from typing import Literal

from tansaku.models.domain.errors import MissingComponentError

API_VERSION = "1.2.0"
"""Version of the specification that is followed; its grammar of filters is that of the package ``optimade``."""

PREFIX = "_tansaku_"

FieldType = Literal["string", "integer", "float", "timestamp", "list", "dictionary"]


class Stage(IntEnum):
    """Documents that the value of a field is read from, the cheapest first."""

    CAMPAIGN = 0
    EVALUATION = 1
    COMPOSITION = 2
    STRUCTURE = 3


@dataclass(frozen=True)
class Field:
    """A field of structures.

    Attributes:
        items: Type of the items of a list that a filter can compare; None: it is nested, or no list.
        description: Of a field with our prefix; empty: OPTIMADE has its description and its unit.
        unit: Of a field with our prefix.
    """

    name: str
    type: FieldType
    stage: Stage
    items: Literal["string", "number"] | None = None
    description: str = ""
    unit: str | None = None

    @property
    def sortable(self) -> bool:
        """Whether lists can be sorted by it."""
        return self.type not in ("list", "dictionary") and self.stage < Stage.STRUCTURE


_C, _E, _K, _S = Stage

FIELDS = {
    field.name: field
    for field in (
        Field("id", "string", _E),
        Field("type", "string", _C),
        Field("last_modified", "timestamp", _E),
        Field("elements", "list", _K, "string"),
        Field("nelements", "integer", _K),
        Field("elements_ratios", "list", _K, "number"),
        Field("chemical_formula_descriptive", "string", _K),
        Field("chemical_formula_reduced", "string", _K),
        Field("chemical_formula_hill", "string", _K),
        Field("chemical_formula_anonymous", "string", _K),
        Field("dimension_types", "list", _K, "number"),
        Field("nperiodic_dimensions", "integer", _K),
        Field("nsites", "integer", _K),
        Field("structure_features", "list", _K, "string"),
        Field("lattice_vectors", "list", _S),
        Field("cartesian_site_positions", "list", _S),
        Field("species", "list", _S),
        Field("species_at_sites", "list", _S, "string"),
        Field("_tansaku_campaign", "string", _C, None, "Name of the campaign"),
        Field("_tansaku_calculator", "string", _C, None, "Type of the campaign's calculator"),
        Field("_tansaku_property", "string", _C, None, "Name of the campaign's objective"),
        Field("_tansaku_unit", "string", _C, None, "Unit of _tansaku_value"),
        Field("_tansaku_round", "integer", _E, None, "Number of the evaluation in its campaign"),
        Field("_tansaku_candidate", "string", _E, None, "Candidate that was computed"),
        Field("_tansaku_system", "string", _E, None, "System of the candidate"),
        Field("_tansaku_value", "float", _E, None, "Value of the objective, in _tansaku_unit"),
        Field("_tansaku_predicted_by", "string", _E, None, "Model that predicted the value; null: it was computed"),
        Field("_tansaku_energy", "float", _E, None, "Computed total energy, uncorrected", "eV"),
        Field("_tansaku_energy_per_atom", "float", _K, None, "The same per atom", "eV"),
        Field("_tansaku_code", "string", _E, None, "Program that computed the value"),
        Field("_tansaku_code_version", "string", _E, None, "Its version"),
        Field("_tansaku_model_sha256", "string", _E, None, "SHA-256 of its potential or weights"),
    )
}
"""The fields that are served, by name; a structure's document has them in this order."""

PARTS = {"species.name": Field("species.name", "list", _S, "string")}
"""Parts of nested fields that a filter can compare, by name: lists of what all items of the field have there."""


def check_installed() -> None:
    """Raises MissingComponentError without the package ``optimade``, which has the models and the grammar."""
    if any(find_spec(module) is None for module in ("lark", "optimade")):
        raise MissingComponentError(
            "the OPTIMADE view needs the package optimade where the dashboard runs", hint="pip install 'tansaku[optimade]'"
        )


def is_standard(name: str) -> bool:
    """Returns whether a name is that of a field of OPTIMADE, served or not."""
    from optimade.models import StructureResourceAttributes

    return name in FIELDS or name in StructureResourceAttributes.model_fields


def described(field: Field) -> dict[str, object]:
    """The field as ``/info/structures`` has it."""
    text, unit = field.description, field.unit
    if not text:
        from optimade.models import StructureResource, StructureResourceAttributes

        known = (StructureResourceAttributes.model_fields | StructureResource.model_fields)[field.name]
        text = (known.description or "").partition("\n\n")[0]
        more = known.json_schema_extra if isinstance(known.json_schema_extra, dict) else {}
        found = more.get("x-optimade-unit")
        unit = found if isinstance(found, str) else None
    about: dict[str, object] = {"description": text, "type": field.type, "sortable": field.sortable}
    return about if unit is None else about | {"unit": unit}
