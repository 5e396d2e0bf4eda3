"""Larger and smaller cells of a parent, before its sites are named."""

import numpy as np
import pytest
from pydantic import ValidationError

from tansaku.calculators.structures.cif_parent import build_transformation
from tansaku.models.domain.specs.composition import ParentSpec, PrimitiveCellSpec, SupercellSpec


@pytest.fixture
def rock_salt(require):
    require("pymatgen")
    from pymatgen.core import Lattice, Structure

    places = {"Mg1": [0, 0, 0], "O1": [0.5, 0.5, 0.5]}
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.2), ["Mg", "O"], list(places.values()), labels=list(places))


def test_copies_are_told_apart_and_each_is_the_file_s_cell_moved(rock_salt):
    larger = build_transformation(SupercellSpec(repeats=(2, 1, 3))).apply(rock_salt)
    assert len(larger) == 6 * len(rock_salt)
    np.testing.assert_allclose(larger.lattice.abc, [8.4, 4.2, 12.6])
    labels = np.array([site.label for site in larger])
    assert set(labels) == {f"{atom}.{copy}" for atom in ("Mg1", "O1") for copy in range(1, 7)}
    places = larger.frac_coords * [2, 1, 3]
    cells = []
    for copy in range(1, 7):
        apart = [
            places[labels == f"{atom}.{copy}"] - [s.frac_coords for s in rock_salt if s.label == atom] for atom in ("Mg1", "O1")
        ]
        shift = np.rint(apart[0][0])
        # All atoms of a copy are moved by the same whole cells, up to the larger cell's own periods.
        np.testing.assert_allclose((np.concatenate(apart) - shift) / [2, 1, 3] % 1.0 % 1.0, 0.0, atol=1e-9)
        cells.append(tuple(shift % [2, 1, 3]))
    assert len(set(cells)) == 6


def test_the_smallest_cell_keeps_labels(rock_salt):
    small = build_transformation(PrimitiveCellSpec()).apply(rock_salt)
    assert [site.label for site in small] == ["Mg1", "O1"]
    assert small.volume == pytest.approx(rock_salt.volume / 4)


def test_the_tolerance_decides_what_is_equal(rock_salt):
    rock_salt.translate_sites([1], [0.0, 0.0, 0.03], frac_coords=True)
    assert [len(build_transformation(PrimitiveCellSpec(tolerance=one)).apply(rock_salt)) for one in (0.01, 0.5)] == [8, 2]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"prototype": "tavorite", "transformations": [{"type": "primitive_cell"}]}, "a prototype's sites are named already"),
        ({"cif": "a.cif", "transformations": [{"type": "supercell", "repeats": [0, 1, 1]}]}, "greater than or equal to 1"),
        ({"cif": "a.cif", "transformations": [{"type": "supercell", "repeats": [1, 1, 7]}]}, "less than or equal to 6"),
        ({"cif": "a.cif", "transformations": [{"type": "shuffle"}]}, "shuffle"),
    ],
)
def test_senseless_transformations_are_refused(document, message):
    with pytest.raises(ValidationError, match=message):
        ParentSpec.model_validate(document)
