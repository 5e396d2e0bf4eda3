import json
from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.engine.transfer.data import FrozenSources, SourceData, observed_source
from tansaku.models.engine.transfer.extended import extend
from tansaku.models.engine.transforms import OutputTransform


def test_source_data_survive_json_to_the_last_bit(pair):
    again = SourceData.from_json(json.loads(json.dumps(pair.source.to_json())))
    assert again.sha256 == pair.source.sha256
    assert np.array_equal(again.values, pair.source.values)
    for name, group in pair.source.pool.groups.items():
        assert np.array_equal(again.pool.groups[name].values, group.values)
        assert np.array_equal(again.pool.groups[name].index, group.index)


def test_categories_stay_categories_on_the_way(pair):
    groups = {name: replace(group, categorical=name == "m") for name, group in pair.pool.groups.items()}
    pool = replace(pair.pool, groups=groups)
    source = observed_source("other", pool, np.arange(10), np.arange(10.0), "minimize", 500)
    again = SourceData.from_json(json.loads(json.dumps(source.to_json())))
    together = extend(pool, (again,), OutputTransform()).pool
    for found in (source.pool, again.pool, together):
        assert {name for name, group in found.groups.items() if group.categorical} == {"m"}


def test_hash_sees_values_features_and_ids(pair):
    source = pair.source
    nudged = replace(source, values=source.values + 1e-15 * np.arange(len(source.values)))
    renamed = replace(source, pool=replace(source.pool, ids=np.char.add(source.pool.ids, "x")))
    group = source.pool.groups["m"]
    moved = replace(source.pool, groups={**source.pool.groups, "m": replace(group, values=group.values + 1e-12)})
    assert len({source.sha256, nudged.sha256, renamed.sha256, replace(source, pool=moved).sha256}) == 4


def test_only_observed_candidates_are_kept(grid_pool):
    positions = np.array([100, 3, 40], dtype=np.intp)
    source = observed_source("some", grid_pool, positions, np.array([3.0, 1.0, 2.0]), "minimize", 10)
    assert source.pool.ids.tolist() == [grid_pool.ids[i] for i in (3, 40, 100)]
    assert source.values.tolist() == [1.0, 2.0, 3.0]
    named = [source.pool.systems[code] for code in source.pool.system_codes]
    assert named == [grid_pool.systems[grid_pool.system_codes[i]] for i in (3, 40, 100)]
    assert len(source.pool.systems) == len(set(named))
    assert source.pool.groups["translation"].columns == ("x", "y", "z")


def test_most_keeps_the_best_and_an_even_choice_of_the_rest(grid_pool):
    values = np.random.default_rng(0).permutation(120.0 * np.arange(len(grid_pool)))
    source = observed_source("some", grid_pool, np.arange(len(grid_pool)), values, "minimize", 20)
    kept = np.sort(source.values)
    assert len(kept) == 20
    assert kept[:4].tolist() == np.sort(values)[:4].tolist()
    assert kept[-1] == values.max()
    assert np.diff(kept[4:]).max() < 2.5 * np.diff(kept[4:]).min()


def test_values_are_oriented(grid_pool):
    values = np.array([3.0, 1.0])
    up = observed_source("some", grid_pool, np.array([0, 1]), values, "maximize", 20)
    assert up.values.tolist() == [-3.0, -1.0]


def test_frozen_sources_answer_for_their_own_content_only(pair):
    sources = FrozenSources([pair.source])
    assert sources.at([pair.source.sha256]) == sources.take()
    with pytest.raises(NotFoundError, match="other content"):
        sources.at(["0" * 64])
