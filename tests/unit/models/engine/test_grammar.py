from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.kernel import KernelSpec, MeanSpec
from tansaku.models.engine.grammar import MOST_TERMS, chosen_groups, compile_kernel, compile_mean
from tansaku.models.engine.kernels import (
    Constant,
    Linear,
    Product,
    Same,
    Scale,
    Stationary,
    Sum,
    Task,
    Term,
    covariance,
    expand,
)
from tansaku.models.engine.map_fit import default_priors
from tansaku.models.engine.presets import PRESETS, model_kernel

KERNEL: TypeAdapter = TypeAdapter(KernelSpec)
MEAN: TypeAdapter = TypeAdapter(MeanSpec)


def _compiled(pool, **spec):
    return compile_kernel(KERNEL.validate_python(spec), pool)


def _matrix(pool, kernel):
    terms = expand(kernel)
    parameters = {name: prior.centre for name, prior in default_priors(pool, terms).items()}
    everything = np.arange(len(pool))
    return covariance(terms, pool, parameters, everything, everything)


@pytest.mark.parametrize("profile", ["rbf", "matern12", "matern32", "matern52"])
def test_a_distance_kernel_is_the_profile_over_the_group(grid_pool, profile):
    assert _compiled(grid_pool, type=profile, over="angle") == Scale(
        "variance", Stationary("angle", "angle.lengthscale", profile, ard=True)
    )


def test_ard_is_for_groups_of_few_columns_unless_said_otherwise(grid_pool):
    def ard(**more):
        return {f.group: f.ard for f in expand(_compiled(grid_pool, type="rbf", **more))[0].factors}

    assert ard() == {"angle": True, "structure": False, "translation": True}
    assert ard(ard=True) == {"angle": True, "structure": True, "translation": True}
    assert ard(ard=False) == {"angle": False, "structure": False, "translation": False}


def test_columns_are_normalised_without_ard_only(grid_pool):
    def metric(**more):
        return expand(_compiled(grid_pool, type="rbf", over="structure", **more))[0].factors[0].metric

    assert metric() == "range"
    assert metric(normalise=False) == "plain"
    assert metric(ard=True) == "plain"


def test_normalised_columns_count_alike_whatever_their_unit(grid_pool):
    group = grid_pool.groups["structure"]
    other = replace(group, values=group.values * np.logspace(0, 6, 12))
    stretched = replace(grid_pool, groups={**grid_pool.groups, "structure": other})
    normalised, plain = ({"type": "rbf", "over": "structure", "normalise": n} for n in (True, False))
    assert np.allclose(
        _matrix(grid_pool, _compiled(grid_pool, **normalised)), _matrix(stretched, _compiled(stretched, **normalised))
    )
    assert not np.allclose(_matrix(grid_pool, _compiled(grid_pool, **plain)), _matrix(stretched, _compiled(stretched, **plain)))


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        ("*", ("angle", "structure", "translation")),
        ("angle", ("angle",)),
        ("*a*", ("angle", "translation")),
        (("t*", "angle", "*"), ("translation", "angle", "structure")),
    ],
)
def test_groups_are_chosen_by_name_and_pattern(grid_pool, over, expected):
    assert chosen_groups(over, grid_pool, "here") == expected


def test_a_dot_in_a_pattern_is_a_dot(grid_pool):
    with pytest.raises(ConfigurationError, match="not a feature group"):
        chosen_groups("a.gle", grid_pool, "here")


def test_several_groups_are_multiplied_or_added_with_a_variance_each(grid_pool):
    product = expand(_compiled(grid_pool, type="rbf"))
    assert [term.variances for term in product] == [("variance",)]
    assert len(product[0].factors) == 3
    added = expand(_compiled(grid_pool, type="rbf", combine="sum"))
    assert [term.variances for term in added] == [("angle.variance",), ("structure.variance",), ("translation.variance",)]
    assert [factor.group for term in added for factor in term.factors] == ["angle", "structure", "translation"]


def test_terms_of_a_sum_get_a_variance_unless_they_have_one(grid_pool):
    kernel = _compiled(
        grid_pool,
        type="sum",
        terms=[
            {"type": "constant"},
            {"type": "scale", "kernel": {"type": "same", "of": "surface"}},
            {"type": "product", "factors": [{"type": "same"}, {"type": "rbf", "over": "angle"}]},
        ],
    )
    assert kernel == Sum(
        (
            Scale("0.variance", Constant()),
            Scale("1.scale", Same("surface")),
            Scale("2.variance", Product((Same("system"), Stationary("angle", "2.1.angle.lengthscale", ard=True)))),
        )
    )


def test_one_scale_serves_all_that_is_in_it(grid_pool):
    inner = {"type": "sum", "terms": [{"type": "same"}, {"type": "same", "of": "surface"}]}
    assert [term.variances for term in expand(_compiled(grid_pool, type="scale", kernel=inner))] == [
        ("scale", "0.variance"),
        ("scale", "1.variance"),
    ]


def test_every_kind_has_its_kernel(grid_pool):
    def plain(**spec):
        (term,) = expand(_compiled(grid_pool, **spec))
        return term.factors

    assert plain(type="categorical", over="structure") == (
        Stationary("structure", "structure.lengthscale", ard=False, metric="overlap"),
    )
    assert plain(type="categorical", over="structure", ard=True)[0].ard
    assert plain(type="periodic", over="translation", period=[1.0, 2.0, 3.0], ard=False) == (
        Stationary("translation", "translation.lengthscale", metric="periodic", period=(1.0, 2.0, 3.0)),
    )
    assert plain(type="periodic", over="angle", period=180)[0].period == (180.0,)
    assert plain(type="same", of="angle") == (Same("angle"),)
    assert plain(type="task", of="surface", rank=2) == (Task("surface", "surface.task", 2),)
    assert plain(type="linear", over="angle") == (Linear("angle"),)
    assert expand(_compiled(grid_pool, type="constant")) == (Term(("variance",)),)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"type": "rbf", "over": "angel"},
            r"kernel\.over: 'angel' is not .*angle, structure, translation \(did you mean 'angle'",
        ),
        ({"type": "rbf", "over": ["angle", "x*"]}, r"kernel\.over: 'x\*' is not a feature group"),
        ({"type": "same", "of": "sytem"}, r"kernel\.of: 'sytem' .* system, surface, angle, .*did you mean 'system'"),
        ({"type": "task", "of": "none"}, r"kernel\.of: 'none'"),
        ({"type": "linear", "over": "z"}, r"kernel\.over: 'z'"),
        ({"type": "periodic", "over": "translation", "period": [1, 2]}, r"kernel\.period: 2 periods, expected one or 3"),
        (
            {"type": "sum", "terms": [{"type": "same"}, {"type": "scale", "kernel": {"type": "rbf", "over": "q"}}]},
            r"proposer\.kernel\.terms\[1\]\.kernel\.over: 'q'",
        ),
        ({"type": "product", "factors": [{"type": "same", "of": "q"}]}, r"factors\[0\]\.of: 'q'"),
    ],
)
def test_what_the_pool_lacks_is_named_with_what_it_has(grid_pool, spec, message):
    with pytest.raises(ConfigurationError, match=message):
        _compiled(grid_pool, **spec)


def test_a_kernel_that_multiplies_out_too_far_is_refused(grid_pool):
    pair = {"type": "sum", "terms": [{"type": "same"}, {"type": "constant"}]}
    with pytest.raises(ConfigurationError, match=f"expands to 128 products; expected at most {MOST_TERMS}"):
        _compiled(grid_pool, type="product", factors=[pair] * 7)


def test_correlations_are_not_learned_between_too_many(grid_pool):
    many = np.arange(600, dtype=float)[:, None]
    index = np.resize(np.arange(600), len(grid_pool))
    group = replace(grid_pool.groups["angle"], name="many", values=many, index=index)
    pool = replace(grid_pool, groups={**grid_pool.groups, "many": group})
    with pytest.raises(ConfigurationError, match="600 members, at most 500"):
        _compiled(pool, type="task", of="many")


def test_a_mean_is_terms_of_the_kernel(grid_pool):
    specs = [
        MEAN.validate_python(one)
        for one in (
            {"type": "constant"},
            {"type": "each", "of": "angle"},
            {"type": "linear", "over": ["angle", "structure"]},
            {"type": "smooth", "over": "angle"},
        )
    ]
    assert compile_mean(specs, grid_pool) == (
        Scale("mean.0.variance", Constant()),
        Scale("mean.1.variance", Same("angle")),
        Sum((Scale("mean.2.angle.variance", Linear("angle")), Scale("mean.2.structure.variance", Linear("structure")))),
        Scale("mean.3.variance", Stationary("angle", "mean.3.angle.lengthscale", "matern52", ard=True)),
    )


def test_an_unknown_group_of_a_mean_is_named(grid_pool):
    with pytest.raises(ConfigurationError, match=r"proposer\.mean\[1\]\.over: 'nope'"):
        compile_mean(
            [MEAN.validate_python({"type": "constant"}), MEAN.validate_python({"type": "smooth", "over": "nope"})], grid_pool
        )


def test_a_mean_is_added_to_a_presets_kernel(grid_pool):
    mean = (MEAN.validate_python({"type": "linear", "over": "angle"}),)
    terms = expand(model_kernel(replace(PRESETS["default"], mean=mean), grid_pool))
    assert terms == (*expand(model_kernel(PRESETS["default"], grid_pool)), Term(("mean.0.variance",), (Linear("angle"),)))


def test_obo_is_one_kernel_on_all_columns_and_abo_a_sum_over_groups(grid_pool):
    (one,) = expand(model_kernel(PRESETS["obo"], grid_pool))
    assert {factor.group for factor in one.factors} == set(grid_pool.groups)
    added = expand(model_kernel(PRESETS["abo"], grid_pool))
    assert [{factor.group for factor in term.factors} for term in added] == [{"angle"}, {"structure"}, {"translation"}]


@pytest.mark.parametrize(
    "bad",
    [
        {"type": "rbf", "over": []},
        {"type": "rbf", "over": ""},
        {"type": "sum", "terms": []},
        {"type": "task", "rank": 0},
        {"type": "periodic", "over": "x", "period": 0},
        {"type": "periodic", "over": "x"},
        {"type": "scale"},
        {"type": "matern72"},
    ],
)
def test_senseless_kernels_are_refused(bad):
    with pytest.raises(ValidationError):
        KERNEL.validate_python(bad)
