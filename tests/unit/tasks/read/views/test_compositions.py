import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.compositions import EMPTY, EVALUATED, FAILED, PREDICTED, composition_maps, composition_rows


def test_rows_are_sorted_and_say_what_was_computed(tavorite_search):
    data = tavorite_search(8)
    rows = composition_rows(data)
    values = [row["E_b"] for row in rows]
    assert values[:-1] == sorted(values[:-1])
    assert values[-1] is None
    assert rows[-1]["reason"] == "not_converged: no"
    assert rows[0]["unit"] == "eV"
    assert (rows[0]["spread"], rows[0]["barrier_1d"], rows[0]["barrier_3d"]) == (0.01, rows[0]["E_b"], None)
    assert rows[0]["directions"] == [[1, 0, -1]]
    assert rows[0]["limiting_hop"] == "2>3[0,0,1]"
    assert rows[0]["hops"] == ["2>3[1,0,0]", "2>3[0,0,1]"]
    assert (rows[-1]["spread"], rows[-1]["directions"], rows[-1]["hops"]) == (None, None, None)
    assert rows[0]["model"] == "emt 1"
    assert rows[0]["ions"]["A"] == "Li+"
    assert rows[0]["formula"].startswith("Li")
    assert {row["round"] for row in rows} == set(range(1, 9))


def test_the_map_has_every_candidate_once_and_tells_the_states_apart(tavorite_search):
    data = tavorite_search(8)
    (found,) = composition_maps(data)
    assert found.row_site == "M"
    assert found.column_sites == ("X", "Z")
    assert (found.state != EMPTY).sum() == len(data.pool)
    assert (found.state == EVALUATED).sum() == 7
    assert (found.state == FAILED).sum() == 1
    predicted = found.state == PREDICTED
    assert np.isfinite(found.value[predicted]).all()
    assert (found.deviation[predicted] > 0).all()
    assert np.isnan(found.deviation[~predicted]).all()
    assert np.isnan(found.value[found.state == FAILED]).all()


def test_cells_hold_the_values_of_their_ions(tavorite_search):
    data = tavorite_search(8)
    (found,) = composition_maps(data)
    best = composition_rows(data)[0]
    ions = best["ions"]
    cell = found.rows.index(ions["M"]), found.columns.index(f"{ions['X']} {ions['Z']}")
    assert found.value[cell] == best["E_b"]


def test_neutral_combinations_come_in_blocks(tavorite_search):
    (found,) = composition_maps(tavorite_search(1))
    filled = found.state != EMPTY
    charges = [int(name[-2]) if name[-2].isdigit() else 1 for name in found.rows]
    assert charges == sorted(charges)
    first = filled.argmax(axis=1)
    assert (np.diff(first) >= 0).all()


def test_without_a_model_unknown_cells_stay_unknown(tavorite_search):
    (found,) = composition_maps(tavorite_search(8, type="random", preset=None))
    assert np.isnan(found.value[found.state == PREDICTED]).all()


def test_other_spaces_have_no_compositions(recorded):
    data = Campaign.load(recorded("a1"), "small-table")
    for ask in (composition_rows, composition_maps):
        with pytest.raises(ConfigurationError, match="searches a table space; expected a composition space"):
            ask(data)
