"""What a certificate of a barrier says."""

from __future__ import annotations

import pytest

from tansaku.models.domain.certificate import Certificate


def certificate(tolerance: float | None, **changes: object) -> Certificate:
    return Certificate(
        number=30, horizon=29, searched=29, confidence=0.95, tolerance=tolerance, estimate=0.6013, unit="eV"
    ).model_copy(update=changes)


def test_an_uncertain_barrier_has_its_interval():
    assert certificate(0.042).describe() == "Barrier (95 %): 0.601 ± 0.042 eV"
    told = certificate(0.042, within=0.05, probability=0.97).describe()
    assert told == "Barrier (95 %): 0.601 ± 0.042 eV; within 0.05 eV with 97 %"


def test_a_certain_barrier_has_none():
    assert certificate(0.0).describe() == "Barrier: 0.601 eV, certain over the grid: all posterior samples agree"
    assert certificate(1e-9).describe() == certificate(0.0, within=0.01, probability=1.0).describe()


def test_an_interval_from_few_points_says_that_it_is_often_too_narrow():
    few = certificate(0.042).model_copy(update={"searched": 5})
    assert few.describe() == "Barrier (95 %): 0.601 ± 0.042 eV (fewer than 10 points: often too narrow)"
    assert "narrow" not in few.model_copy(update={"stops": True}).describe()


def test_nothing_is_said_of_a_barrier_that_is_not_known():
    assert certificate(None, estimate=None).describe() == "Certificate (95 %): not enough results to say what remains"


UNKNOWN = (
    "It cannot be said with 95 % yet how close the best of each of the 2 boundaries is to its optimum: "
    "there are 14 evaluations of each on average; about 55 are needed"
)
SEVERAL = {"estimate": None, "unit": "mJ/m2", "words": ("boundary", "boundaries")}


@pytest.mark.parametrize(
    ("tolerances", "within", "said"),
    [
        ((0.5, 1.5, 2.0, 7.0), 2.0, "3 of 4 boundaries within 2 mJ/m2 of the optimum (95 %)"),
        ((0.5, 1.5, 2.5, 7.0), None, "3 of 4 boundaries within 5 mJ/m2 of the optimum (95 %)"),
        ((0.0, None, None), None, "1 of 3 boundaries within 0 mJ/m2 of the optimum (95 %)"),
        ((12.0, 70.0, 80.0), None, "3 of 3 boundaries within 100 mJ/m2 of the optimum (95 %)"),
        (
            (None, None),
            2.0,
            UNKNOWN,
        ),
        ((), 2.0, ""),
    ],
)
def test_systems_near_their_optimum_are_counted(tolerances, within, said):
    found = certificate(None, tolerances={str(k): value for k, value in enumerate(tolerances)}, within=within, **SEVERAL)
    assert found.near == said
