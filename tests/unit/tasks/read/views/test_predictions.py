import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.read.views.parameter_figures import asked_importance
from tansaku.tasks.read.views.points import importance
from tansaku.tasks.read.views.predictions import feature_categories, pool_expectation, relevance_history
from tests.support.records import read_campaign


def test_the_model_expects_what_was_found_and_what_was_not(tavorite_search):
    data = tavorite_search(24, preset="abo")
    found = pool_expectation(data)
    evaluated = {one.proposal.candidate: one.outcome.value for one in data.evaluations if one.outcome.value is not None}
    positions = data.pool.positions(list(evaluated))
    np.testing.assert_allclose(found.mean[positions], list(evaluated.values()), atol=0.02)
    others = np.setdiff1d(np.arange(len(data.pool)), positions)
    assert found.deviation[positions].max() < found.deviation[others].max()
    site = data.pool.groups["site_m"]
    truth = 0.2 + (site.values[site.index, 0] - 0.7) ** 2 * 5.0
    assert np.corrcoef(found.mean[others], truth[others])[0, 1] > 0.9


def test_values_to_be_maximised_keep_their_sign(tavorite_search):
    data = tavorite_search(12)
    objective = data.spec.objective.model_copy(update={"direction": "maximize"})
    spec = data.spec.model_copy(update={"objective": objective})
    upside_down = read_campaign(data.record, spec, data.evaluations, space=data.space)
    values = [one.outcome.value for one in data.evaluations if one.outcome.value is not None]
    positions = data.pool.positions([one.proposal.candidate for one in data.evaluations if one.outcome.value is not None])
    np.testing.assert_allclose(pool_expectation(upside_down).mean[positions], values, atol=0.1)


def test_without_a_model_or_a_value_nothing_is_expected(tavorite_search):
    assert pool_expectation(tavorite_search(6, type="random", preset=None)) is None
    assert pool_expectation(tavorite_search(0)) is None
    assert relevance_history(tavorite_search(6, type="random", preset=None)) is None
    assert relevance_history(tavorite_search(1)) is None


@pytest.mark.parametrize("preset", ["default", "abo"])
def test_the_site_that_decides_is_found_to_matter_most(tavorite_search, preset):
    data = tavorite_search(24, preset=preset)
    found = relevance_history(data)
    assert set(found.categories) == {"A", "M", "X", "Z", "cell"}
    assert found.share.shape == (len(found.observed), 5)
    np.testing.assert_allclose(found.share.sum(axis=1), 1.0)
    share = dict(zip(found.categories, found.share[-1], strict=True))
    assert share["A"] == 0.0  # one ion only
    assert share["M"] > share["X"]
    assert share["M"] > share["Z"]
    assert list(found.observed) == sorted(found.observed)


def test_groups_of_a_site_are_one_category(tavorite_search):
    data = tavorite_search(1)
    categories = feature_categories(data, data.pool)
    assert categories["M"] == ("site_m", "ion_m")
    assert categories["cell"] == ("cell",)
    assert sorted(group for groups in categories.values() for group in groups) == sorted(data.pool.groups)


def test_importance_is_that_of_python_or_the_reason_for_which_there_is_none(tavorite_search):
    data = tavorite_search(24)
    found = asked_importance(data)
    assert {item.name: item.share for item in found.shares} == importance(data).to_dict()
    assert [item.share for item in found.shares] == sorted((item.share for item in found.shares), reverse=True)
    assert found.problem == ""
    assert sum(item.share for item in found.shares) == pytest.approx(1.0)
    for lacking, said in (
        (tavorite_search(6, type="random", preset=None), "the proposer random has no model over features"),
        (tavorite_search(1), "no model was fitted yet"),
    ):
        assert (asked_importance(lacking).shares, asked_importance(lacking).problem) == ((), said)
        with pytest.raises(ConfigurationError, match=f"^importance: {said}$"):
            importance(lacking)
