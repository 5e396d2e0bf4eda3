"""What makes two specs the same follows from their classes."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest

from tansaku.models.domain.specs.base import FILLED_IN, Spec
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec
from tansaku.models.domain.specs.calculators.surrogate import SurrogateCalculatorSpec
from tansaku.models.domain.specs.identity import compared, identity
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.specs.structures import StructuresSpaceSpec


class SpringSpec(Spec):
    type: Literal["spring"] = "spring"
    stiffness: float
    relaxation: RelaxationSpec = RelaxationSpec(fmax=0.2)
    found: Annotated[float | None, FILLED_IN] = None


class NewerSpec(SpringSpec):
    """A version with more keys."""

    damping: float = 0.5
    joints: tuple[RelaxationSpec, ...] = (RelaxationSpec(),)
    names: dict[str, int] | None = None


def test_a_new_key_with_a_default_changes_nothing():
    assert identity(SpringSpec(stiffness=1.0)) == identity(NewerSpec(stiffness=1.0)) == {"type": "spring", "stiffness": 1.0}


@pytest.mark.parametrize(
    "keys",
    [
        {"stiffness": 2.0},
        {"damping": 1.0},
        {"joints": ()},
        {"joints": [{"fmax": 1.0}]},
        {"names": {}},
        {"relaxation": {}},
        {"relaxation": {"fmax": 0.3}},
    ],
    ids=str,
)
def test_a_key_with_another_value_does(keys):
    plain, other = NewerSpec(stiffness=1.0), NewerSpec.model_validate({"stiffness": 1.0} | keys)
    assert identity(plain) != identity(other)


def test_what_was_found_does_not_count():
    plain, found = SpringSpec(stiffness=1.0), SpringSpec(stiffness=1.0, found=3.0)
    assert identity(plain) == identity(found)
    assert compared(plain, plain.model_dump(mode="json")) == compared(found, found.model_dump(mode="json"))


def test_a_file_counts_by_its_content_once_that_is_known():
    unknown, known = LammpsSpec(potential="a.eam"), LammpsSpec(potential="a.eam", potential_sha256="c" * 64)
    assert identity(unknown) == {"type": "lammps", "potential": "a.eam"}
    assert identity(known) == {"type": "lammps", "potential_sha256": "c" * 64}
    inside = SurrogateCalculatorSpec(model="m", model_sha256="d" * 64, relaxed_by=known)
    assert identity(inside) == {"type": "surrogate", "model_sha256": "d" * 64, "relaxed_by": identity(known)}


def test_candidates_that_are_called_by_their_files_are_others_under_other_names():
    def found(*paths: str) -> object:
        return identity(StructuresSpaceSpec(paths=paths, hashes=("a" * 64,) * len(paths)))

    assert found("here/x.cif") == found("there/x.cif") != found("here/y.cif")
