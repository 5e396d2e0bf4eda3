"""What the tavorites' benchmark says agrees with the rows it is made of."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ase.io import read
from scipy.stats import spearmanr

from benchmarks.tavorite.__main__ import FILES, HERE, PUBLISHED, compared, observations, two_potentials, updated
from benchmarks.tavorite.first_look import bond_valence_barrier
from benchmarks.tavorite.structures import FILE, Again, crystals
from tansaku.models.domain.specs.composition import CompositionSpaceSpec, ParentSpec
from tansaku.spaces.composition import CompositionSpace
from tansaku.tasks.node.configuration.campaign_files import load_campaign


@pytest.fixture(scope="module")
def committed():
    return json.loads((HERE / "result.json").read_text())


def test_both_campaigns_compute_alike_and_the_twelve_are_all_that_others_published():
    table, few = (load_campaign(HERE / name).spec for name in ("tavorites.yaml", "sevennet.yaml"))
    assert table.calculator.workflow == few.calculator.workflow
    assert table.space == few.space
    assert len(set(compared())) == 12
    assert {one.candidate for one in PUBLISHED} <= set(compared()) <= set(CompositionSpace(few.space, HERE).pool().ids)
    assert all(one.value is None or 0 < one.value < 2 for one in PUBLISHED)


def test_the_committed_comparison_is_that_of_the_committed_rows(committed):
    again = two_potentials(HERE)
    assert json.loads(json.dumps(again)) == committed["two_potentials"]
    assert again["compounds"] == 12
    models = {row[name]["model"] for row in again["rows"] for name in FILES if row[name] and "model" in row[name]}
    assert models <= {"chgnet 0.3.0", "sevenn 7net-0"}


def test_the_committed_first_look_is_of_every_row_with_a_barrier(committed):
    known = observations(HERE / "observations.parquet")
    rows = committed["first_look"]["rows"]
    assert {row["candidate"] for row in rows} <= {candidate for candidate, row in known.items() if "barrier" in row}
    (every,) = (line for line in committed["first_look"]["correlations"] if line["system"] == "all")
    pairs = [[row["bottleneck_rise"], row["barrier"]] for row in rows]
    assert every["compounds"] == len(rows)
    assert every["bottleneck_rise"] == pytest.approx(spearmanr(pairs).statistic)


def test_the_page_says_what_the_committed_result_says(committed):
    page = (HERE.parents[1] / "docs/results/migration-barriers.md").read_text()
    assert updated(page, committed) == page
    committed["first_look"]["correlations"][0]["compounds"] += 1
    assert updated(page, committed) != page


def test_a_grid_of_bond_valences_has_a_barrier_for_each_ion_and_lithium_s_is_lower(require):
    require("bvlain")
    space = CompositionSpace(CompositionSpaceSpec(parent=ParentSpec(prototype="tavorite")), Path())
    lithium, sodium = (bond_valence_barrier(space, f"{ion}-V3-P5-F") for ion in ("Li", "Na"))
    assert 0 < lithium < sodium


@pytest.fixture(scope="module")
def rows():
    return pd.read_parquet(HERE / "observations.parquet")


def test_the_committed_crystals_are_those_of_the_finished_rows(rows):
    done = {row.candidate: json.loads(row.record)["outcome"] for row in rows[rows.state == "DONE"].itertuples()}
    found = {atoms.info["candidate"]: atoms for atoms in read(HERE / FILE, ":")}
    assert set(found) == set(done)
    for candidate, atoms in found.items():
        assert atoms.info["migration_barrier"] == done[candidate]["quantities"]["migration_barrier"]["value"]
        recorded = np.array(done[candidate]["properties"]["cell_lengths_and_angles"])
        assert (np.abs(atoms.cell.cellpar() - recorded) < np.repeat([0.05, 0.5], 3)).all(), candidate
        assert len(atoms) == done[candidate]["properties"]["n_atoms"]
        assert np.linalg.norm(atoms.get_forces(), axis=1).max() < 0.021  # fmax, and the last digits of single precision


def test_a_crystal_that_did_not_come_along_is_relaxed_anew(require, rows):
    require("chgnet")
    again, row = Again(load_campaign(HERE / "tavorites.yaml").spec, HERE), rows[rows.structure.notna()].head(1)
    (stored,) = crystals(row, {}, again)
    (anew,) = crystals(row.assign(structure=None), {}, again)
    (kept,) = crystals(row, {stored.info["candidate"]: anew}, again)
    assert [atoms.info["made"] for atoms in (stored, anew, kept)] == ["campaign", "relaxed again", "relaxed again"]
    assert anew.get_potential_energy() == pytest.approx(stored.get_potential_energy(), abs=1e-3)
    moved = json.loads(row.record.iloc[0])
    moved["outcome"]["properties"]["cell_lengths_and_angles"][0] += 0.1
    with pytest.raises(SystemExit, match="its cell differs by"):
        list(crystals(row.assign(structure=None, record=json.dumps(moved)), {}, again))
