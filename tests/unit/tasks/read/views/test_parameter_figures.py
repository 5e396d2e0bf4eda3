"""Figures over parameters: evaluations as lines, and what the model says of each parameter."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import tansaku as ts
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.grain_boundary import GrainBoundarySpaceSpec
from tansaku.tasks.read.figures.campaign import parameter_figures
from tansaku.tasks.read.figures.drawing import table_of
from tansaku.tasks.read.views import parameter_figures as views
from tansaku.tasks.read.views.conditions import conditions_told
from tansaku.tasks.read.views.parameter_figures import described, parallel_lines, parameter_contour, parameter_model
from tansaku.tasks.read.views.results import evaluation_rows


@pytest.fixture(scope="module")
def searched() -> ts.Campaign:
    """Only the heat and the solvent matter; one value of eight was mistyped."""
    space = {
        "heat": (20, 80, "degC"),
        "idle": (0, 1),
        "solvent": ["water", "ethanol"],
        "mix": {"type": "fractions", "parts": ["a", "b"]},
    }
    campaign = ts.Campaign(ts.Parameters(space, pool=48, refine=None), ts.maximize("gain", unit="eV"), 20, store=None)
    for count in (6, 2):  # the second time the model is fitted
        for row in campaign.ask(count):
            value = row["heat"] + 30.0 * (row["solvent"] == "water")
            campaign.tell(row, value=1e6 if row.id == campaign.evaluations[2].proposal.candidate else value)
    return campaign


def test_lines_end_with_the_best_and_tell_what_lies_far_off(searched):
    data = searched.view().data
    lines = parallel_lines(data)
    assert [(axis.name, axis.unit, axis.categories) for axis in lines.axes[:3]] == [
        ("heat", "degC", None), ("idle", None, None), ("solvent", None, ("water", "ethanol")),
    ]  # fmt: skip
    assert list(lines.values) == sorted(lines.values)
    assert lines.outliers == (False,) * 7 + (True,)
    assert lines.numbers[-1] == 3
    row = data.space.cells(lines.candidates[0])
    assert [cells[0] for cells in lines.cells] == [row[axis.name] for axis in lines.axes]


def test_many_lines_are_thinned_out_but_for_the_ends(searched, monkeypatch):
    monkeypatch.setattr(views, "MOST_LINES", 3)
    monkeypatch.setattr(views, "MOST_AXES", 2)
    lines = parallel_lines(searched.view().data)
    assert (len(lines.values), lines.count, lines.left_out) == (3, 8, 3)
    assert (min(lines.values), max(lines.values)) == (lines.values[0], lines.values[-1])


def test_the_model_finds_the_parameters_that_matter(searched):
    data = searched.view().data
    model = parameter_model(data)
    assert model.evaluation == 8
    shares = {share.name: share.share for share in model.shares}
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares.keys() == {axis.name for axis in parallel_lines(data).axes}
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    assert {item.along for item in model.slices} == set(shares)
    heat = next(item for item in model.slices if item.along == "heat")
    assert heat.best in heat.at
    assert min(heat.deviation) > 0


def test_a_contour_is_over_two_parameters_that_are_independent(searched):
    data = searched.view().data
    found = parameter_contour(data, "heat", "solvent")
    assert len(found.mean) == len(found.at_x) > 2
    assert [len(row) for row in found.mean] == [2] * len(found.at_x)
    assert found.at_y == ("water", "ethanol")
    best = parameter_model(data)
    across = next(item for item in best.slices if item.along == "solvent")
    at = found.at_x.index(next(item for item in best.slices if item.along == "heat").best)
    assert found.mean[at] == pytest.approx(across.mean, rel=1e-6)
    chosen = parameter_contour(data)
    assert chosen.x == best.shares[0].name
    for pair, said in (
        (("mix.a", "mix.b"), "independently"),
        (("heat", "heat"), "independently"),
        (("heat", "roof"), "no axis 'roof'"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            parameter_contour(data, *pair)


def test_the_drawings_have_the_same_numbers(searched, tmp_path):
    data = searched.view().data
    made = {drawing.stem: drawing for drawing in parameter_figures(data, None)}
    assert list(made) == ["parallel", "slices", "contour", "relevance"]
    names, rows = table_of(made["parallel"].data)
    assert names == ["number", "candidate", "heat", "idle", "solvent", "mix.a", "mix.b", "value"]
    assert len(rows) == 8
    assert len(table_of(made["slices"].data)[1]) == sum(len(item.at) for item in parameter_model(data).slices)
    assert table_of(made["contour"].data)[0][2:] == ["mean", "deviation"]
    assert set(table_of(made["relevance"].data)[0]) == {"observed", *(share.name for share in parameter_model(data).shares)}
    for stem in ("parallel", "slices", "contour"):
        assert made[stem].draw(tmp_path / f"{stem}.png").stat().st_size > 10_000


def test_a_large_space_is_neither_opened_for_a_table_nor_asked(searched, monkeypatch):
    data = searched.view().data
    row = evaluation_rows(data)[0]
    axes, rows = described(data, [row, row | {"candidate": "Cu", "purpose": "reference"}])
    assert rows == [dict(data.space.cells(row["candidate"])), {}]
    assert len(axes) == 5
    monkeypatch.setattr(views, "MOST_OPENED", 10)
    monkeypatch.setattr(views, "MOST_CANDIDATES", 10)
    assert described(data, [row]) == ((), [])
    with pytest.raises(ConfigurationError, match="48 candidates is not drawn here"):
        parameter_model(searched.view().data)


def test_what_an_id_says_describes_a_boundary():
    space = {"crystal": {"structure": "fcc", "element": "Cu", "lattice_parameter": 3.6}, "boundaries": {"planes": [[1, 1, 3]]}}
    campaign = SimpleNamespace(spec=SimpleNamespace(space=GrainBoundarySpaceSpec.model_validate(space)))
    axes, rows = described(campaign, [{"candidate": "s011-113-r2-x050-ym010-z000"}, {"candidate": "bulk"}])
    assert [(axis.name, axis.unit) for axis in axes[::3]] == [("removed planes", None), ("opening", "Angstrom")]
    assert (list(rows[0].values()), rows[1]) == ([2.0, 0.5, -0.1, 0.0], {})
    said = conditions_told(campaign, "s011-113-r2-x050-ym010-z000")
    assert said == "removed planes 2, shift across axis 0.5 Å, shift along axis -0.1 Å, opening 0 Å"
