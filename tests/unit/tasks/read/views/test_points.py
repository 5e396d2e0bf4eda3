"""Acquisition values of given points, and slices through the best."""

from __future__ import annotations

import pytest

import tansaku as ts
from tansaku.models.domain.errors import ConfigurationError


def searched(**space) -> ts.Campaign:
    objective = ts.maximize("gain", unit="eV")
    campaign = ts.Campaign(ts.Parameters(space, pool=48, refine=None), objective, 12, store=None)
    with pytest.raises(ConfigurationError, match="acquisition: there is no model, or no value yet"):
        campaign.acquisition()
    with pytest.raises(ConfigurationError, match="slices: there is no value yet"):
        campaign.slices()
    for row in campaign.ask(3):
        campaign.tell(row, value=2.0 * row["x"])
    return campaign


def test_the_next_proposal_is_the_candidate_with_the_highest_score():
    campaign = searched(x=(0, 1), where=["in", "out"])
    for count in (1, 2, 3):  # the first awaits nothing, the others know what is pending
        scores = campaign.acquisition()["acquisition"].drop([item.proposal.candidate for item in campaign.evaluations])
        newest = campaign.ask(count)[-1]
        assert newest.id == scores.idxmax()
        assert campaign.evaluations[-1].proposal.acquisition == pytest.approx(scores.max(), rel=1e-9)
    given = campaign.acquisition([newest, {**newest}])
    assert list(given.columns) == ["x", "where", "acquisition"]
    assert given["acquisition"].iloc[0] == pytest.approx(given["acquisition"].iloc[1], rel=1e-6)
    with pytest.raises(ConfigurationError, match=r"acquisition: point 1: .*roof"):
        campaign.acquisition({"x": 0.5, "where": "roof"})


def test_slices_pass_through_the_best_and_fractions_keep_their_sum():
    campaign = searched(x=(0, 1), n=range(1, 5), where=["in", "out"], mix={"type": "fractions", "parts": ["a", "b", "c"]})
    best, found = campaign.best, campaign.slices()
    assert list(found.columns) == ["along", *best, "mean", "deviation"]
    assert list(found["along"].unique()) == list(best)
    assert found[["mix.a", "mix.b", "mix.c"]].sum(axis=1).to_numpy() == pytest.approx(1.0)
    assert sorted(found[found["along"] == "n"]["n"]) == [1, 2, 3, 4]
    for name, rows in found.groupby("along"):
        assert len(rows) > 1
        assert (rows[name] == best[name]).sum() == 1
        if not str(name).startswith("mix"):
            assert (rows[[key for key in best if key != name]].nunique() == 1).all()


def test_a_contour_is_predicted_at_all_pairs():
    campaign = searched(x=(0, 1), where=["in", "out"], n=range(1, 5))
    found = campaign.view().contour("n", "where")
    assert list(found["where"]) == ["in", "out"] * 4
    assert list(found["n"]) == [1, 1, 2, 2, 3, 3, 4, 4]
    assert (found["x"] == campaign.best["x"]).all()
    with pytest.raises(ConfigurationError, match="there is no parameter 'roof'"):
        campaign.view().contour("n", "roof")
