"""Defaults that new campaigns get and that stored ones, which have null there, do not."""

from __future__ import annotations

import pytest

from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.retrain import RetrainSpec
from tansaku.tasks.node.configuration.campaign_files import campaign_from_data, diff_specs, spec_hash
from tansaku.tasks.node.configuration.defaults import with_defaults, without_defaults
from tansaku.tasks.node.configuration.source import polish_relaxation
from tests.support.campaign_files import boundary_space

SURFACE = {
    "type": "energy_surface",
    "host": {"structure": "fcc", "elements": ["Al"], "lattice_parameter": 4.05},
    "ion": "H",
    "grid": 0.5,
}
BOTTLENECK = {"property": "energy", "unit": "eV", "goal": {"type": "bottleneck", "dimensions": 3}}
FEATURES = {
    "listed": {"columns": ["mass", "charge"]},
    "joined": {"lookup": "elements.csv", "key": "element", "columns": "e*"},
    "plain": {"columns": ["x", "y"], "scale": "none"},
    "codes": {"columns": ["code"], "categorical": True},
    "words": {"columns": ["word"], "categories": "one_hot"},
}
MOLECULES = {"type": "molecules", "seeds": ["CCO"]}
ION_BINDING = {"type": "ase", "name": "tblite", "workflow": {"type": "ion_binding", "ion": "Li"}}
TABLE = {"type": "table", "candidates": "t.csv", "columns": {"id": "id", "value": "value"}, "features": FEATURES}


def surface(proposer: dict | None = None, **keys: object) -> CampaignSpec:
    document = {
        "schema_version": 1,
        "name": "test",
        "space": SURFACE,
        "calculator": {"type": "emt"},
        "objective": BOTTLENECK,
        "proposer": proposer or {"type": "gp"},
        "execution": {"polish": 0},
        "budget": {"evaluations": 10},
    }
    return CampaignSpec.model_validate(document | keys)


def table() -> CampaignSpec:
    return CampaignSpec.model_validate(
        {"schema_version": 1, "name": "test", "space": TABLE, "objective": {"unit": "eV"}, "budget": {"evaluations": 10}}
    )


def test_a_search_for_a_bottleneck_starts_where_the_ion_has_room():
    found = with_defaults(surface())
    assert (found.proposer.initial, found.proposer.initial_points) == ("roomy", 4)
    assert with_defaults(found) == found


@pytest.mark.parametrize(
    "spec",
    [
        surface({"type": "gp", "initial_points": 6}),
        surface({"type": "gp", "initial": "random"}),
        surface({"type": "random"}),
        surface(
            {"type": "gp", "outliers": "used"}, objective={"property": "energy", "unit": "eV", "goal": {"type": "best_overall"}}
        ),
        surface(space=SURFACE | {"along": {"file": "path.json"}}),
    ],
)
def test_other_searches_start_as_the_file_says(spec):
    assert with_defaults(spec).proposer == spec.proposer


def test_groups_of_numbers_get_a_scale_where_the_file_gives_none():
    found = with_defaults(table())
    assert {name: group.scale for name, group in found.space.features.items()} == {
        "listed": "auto",
        "joined": "auto",
        "plain": "none",
        "codes": None,
        "words": None,
    }
    assert with_defaults(found) == found


def merged(document: dict, keys: dict) -> dict:
    """A document with other keys; those of the objective are added to its own."""
    objective = document.get("objective", {}) | keys.get("objective", {})
    return document | keys | ({"objective": objective} if objective else {})


def counted(space: dict | None = None, **keys: object) -> CampaignSpec:
    """A table without a proposer of which a number of evaluations may be spent."""
    document = {"schema_version": 1, "name": "test", "space": space or TABLE, "budget": {"evaluations": 10}}
    if document["space"]["type"] == "structures":
        document |= {"calculator": {"type": "emt"}, "objective": {"unit": "meV/atom"}}
    if document["space"]["type"] == "molecules":
        document |= {"calculator": ION_BINDING, "objective": {"unit": "kJ/mol"}}
    return CampaignSpec.model_validate(merged(document, keys))


PARAMETERS = {"type": "parameters", "parameters": {"x": {"type": "number", "low": 0, "high": 1}}, "function": "ackley"}
STRUCTURES = {"type": "structures", "paths": ["cells.xyz"]}
SEVERAL = TABLE | {"columns": {"id": "id", "value": "value", "system": "system"}}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (counted(), 5),
        (counted(PARAMETERS), 4),
        (counted(PARAMETERS | {"refine": None}), 5),
        (counted(objective={"goal": {"type": "top_k", "k": 3}}), None),
        (counted(SEVERAL, objective={"goal": {"type": "best_overall"}}), 5),
        (counted(MOLECULES), 4),
        (counted(MOLECULES, objective={"goal": {"type": "best_overall"}}), 4),
        (counted(MOLECULES | {"refine": None}), 5),
        (counted(MOLECULES, proposer={"type": "gp", "engine": 1}), 1),
        (counted(MOLECULES, objective={"goal": {"type": "top_k", "k": 3}}), None),
        (counted(MOLECULES, budget={"evaluations": 201}), None),
        (counted(STRUCTURES), None),
        (counted(STRUCTURES, objective={"goal": {"type": "best_overall"}}), 5),
        (counted(STRUCTURES | {"systems": "all"}), 5),
        (counted(STRUCTURES | {"systems": "all", "system_key": "batch"}), None),
        (counted(proposer={"type": "gp", "initial_points": 5}), 5),
        (counted(proposer={"type": "gp", "engine": 3}), 3),
        (counted(proposer={"type": "gp", "engine": 1}), 1),
        (counted(SEVERAL), None),
        (counted(objective={"unit": "eV", "goal": {"type": "all_below", "threshold": "1 eV"}}), None),
        (counted(proposer={"type": "gp", "preset": "obo"}), None),
        (counted(proposer={"type": "gp", "kernel": {"type": "rbf"}}), None),
        (counted(budget={"cost": 10}), None),
        (counted(budget={"evaluations": 10, "fraction": 0.1}), None),
        (counted(budget={}), None),
        (counted(budget={"evaluations": 200}), 5),
        (counted(budget={"evaluations": 201}), None),
        (surface(), None),
    ],
)
def test_few_evaluations_have_an_engine_of_their_own(spec, expected):
    found = with_defaults(spec)
    assert found.proposer.engine == expected
    assert with_defaults(found) == found


def test_the_engine_stays_what_it_was_when_the_budget_changes():
    from_before = counted()
    stored = with_defaults(counted())
    edited = stored.model_copy(update={"budget": BudgetSpec(cost=5)})
    assert with_defaults(edited).proposer.engine == 5
    assert spec_hash(edited) == spec_hash(with_defaults(counted(budget={"cost": 5})))
    assert from_before.proposer.engine is None
    assert spec_hash(stored) == spec_hash(from_before)
    assert not diff_specs(from_before, stored)
    assert [item.key for item in diff_specs(stored, counted(proposer={"type": "gp", "engine": 1}))] == ["proposer.engine"]


@pytest.mark.parametrize("engine", [3, 4])
def test_a_campaign_keeps_the_engine_that_was_filled_in_before(engine):
    stored = with_defaults(counted(proposer={"type": "gp", "engine": engine}))
    assert with_defaults(stored).proposer.engine == engine
    assert spec_hash(stored) == spec_hash(with_defaults(counted()))
    assert not diff_specs(stored, with_defaults(counted()))
    assert spec_hash(stored) != spec_hash(counted(proposer={"type": "gp", "engine": 2}))


def test_what_is_awaited_is_drawn_with_the_engines_for_few_evaluations():
    made = with_defaults(counted())
    assert made.proposer.pending == "drawn"
    for engine in (3, 4, 5):
        assert with_defaults(counted(proposer={"type": "gp", "engine": engine})).proposer.pending == "drawn"
    assert with_defaults(counted(proposer={"type": "gp", "pending": "believed"})).proposer.pending == "believed"
    assert with_defaults(counted(proposer={"type": "gp", "engine": 2})).proposer.pending is None
    before_the_key = made.model_copy(update={"proposer": made.proposer.model_copy(update={"pending": None})})
    assert spec_hash(before_the_key) == spec_hash(made)
    assert not diff_specs(before_the_key, made)
    other = with_defaults(counted(proposer={"type": "gp", "pending": "believed"}))
    assert [item.key for item in diff_specs(made, other)] == ["proposer.pending"]


def boundary(calculator: dict, **keys: object) -> CampaignSpec:
    space = boundary_space("Cu", 3.59, [1, 1, 3])
    document = {"schema_version": 1, "name": "test", "space": space, "calculator": calculator}
    return CampaignSpec.model_validate(document | keys)


def rough(kind: str = "emt", fmax: float = 0.01, **keys: object) -> dict:
    return {"type": kind, "relaxation": {"fmax": fmax}} | keys


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (boundary(rough()), 0.001),
        (boundary(rough(), execution={"polish": 0}), 0.001),  # may be changed later
        (boundary(rough(), execution={"polish_fmax": 0.005}), 0.005),
        (boundary(rough(fmax=0.001)), None),
        (boundary(rough(fmax=0.0005)), None),
        (boundary(rough("gpaw", fmax=0.05)), None),
        (boundary(rough("ase", name="tblite")), None),
        (boundary(rough("ase", fmax=0.05, name="tblite")), 0.01),
        (boundary({"type": "surrogate", "model": "m", "relaxed_by": rough()}), 0.001),
        (surface(), None),
        (table(), None),
    ],
)
def test_the_final_relaxation_is_no_rougher_than_the_default_of_the_calculator(spec, expected):
    found = with_defaults(spec)
    assert found.execution.polish_fmax == expected
    assert with_defaults(found) == found


def test_a_rough_campaign_from_before_is_the_same_one_and_its_final_relaxation_stays_rough():
    stored = CampaignSpec.model_validate(boundary(rough()).model_dump(mode="json"))
    loaded = with_defaults(stored)
    assert spec_hash(stored) == spec_hash(loaded)
    assert not diff_specs(stored, loaded)
    assert (polish_relaxation(stored).fmax, polish_relaxation(loaded).fmax) == (0.01, 0.001)
    said = boundary(rough(), execution={"polish_fmax": 0.01})
    assert [difference.key for difference in diff_specs(loaded, said)] == ["execution.polish_fmax"]
    assert spec_hash(said) != spec_hash(stored)


def molecules() -> CampaignSpec:
    return surface(space=MOLECULES, calculator=ION_BINDING, objective={"unit": "kJ/mol"})


@pytest.mark.parametrize("spec", [surface(), table(), molecules()])
def test_a_campaign_from_before_is_the_same_one_and_keeps_what_it_began_with(spec):
    new = with_defaults(spec)
    assert new != spec
    assert spec_hash(new) == spec_hash(spec)
    assert not diff_specs(spec, new)
    # Stored specs are read without filling in anything.
    assert CampaignSpec.model_validate(spec.model_dump(mode="json")) == spec


def test_descriptors_of_molecules_get_a_scale():
    assert with_defaults(molecules()).space.scale == "auto"


def test_another_scale_or_start_is_another_campaign():
    assert spec_hash(surface({"type": "gp", "initial": "random", "initial_points": 4})) != spec_hash(surface())
    ranges = TABLE | {"features": FEATURES | {"listed": {"columns": ["mass", "charge"], "scale": "range"}}}
    assert spec_hash(table().model_copy(update={"space": type(table().space).model_validate(ranges)})) != spec_hash(table())


def test_a_file_gets_them(tmp_path):
    data = surface().model_dump(mode="json")
    found = campaign_from_data(data, tmp_path, "a test").spec
    assert (found.proposer.initial, found.proposer.initial_points) == ("roomy", 4)


@pytest.mark.parametrize("key", ["across_systems", "with_gp"])
def test_new_campaigns_alone_have_what_arms_learned_later(key):
    arms = {"type": "arms"}
    stored = boundary(rough(fmax=0.001), proposer=arms)
    loaded = with_defaults(stored)
    assert (getattr(stored.proposer, key), getattr(loaded.proposer, key)) == (None, True)
    assert with_defaults(loaded) == loaded
    without = arms | {key: False}
    assert getattr(with_defaults(boundary(rough(), proposer=without)).proposer, key) is False
    assert not diff_specs(stored, loaded)  # the file of a stored campaign, loaded again
    assert diff_specs(stored, with_defaults(boundary(rough(fmax=0.001), proposer=without)))


@pytest.mark.parametrize("proposer", [{"type": "gp"}, {"type": "gp", "preset": "obo"}, {"type": "sparse"}, {"type": "arms"}])
def test_new_campaigns_withhold_outliers_and_stored_ones_do_not(proposer):
    stored = boundary(rough(fmax=0.001), proposer=proposer)
    loaded = with_defaults(stored)
    assert (stored.proposer.outliers, loaded.proposer.outliers) == (None, "withheld")
    assert with_defaults(loaded) == loaded
    assert not diff_specs(stored, loaded)  # the file of a stored campaign, loaded again
    used = boundary(rough(fmax=0.001), proposer=proposer | {"outliers": "used"})
    assert with_defaults(used).proposer.outliers == "used"
    assert diff_specs(stored, used)


def test_new_campaigns_calibrate_error_bars_and_solve_by_working_sets_and_stored_ones_do_not():
    def campaign(**keys: object) -> CampaignSpec:
        return table().model_copy(update={"retrain": RetrainSpec.model_validate(keys)})

    stored = campaign()
    loaded = with_defaults(stored)
    assert (stored.retrain.calibrate, loaded.retrain.calibrate) == (None, True)
    assert (stored.retrain.surrogate.solver, loaded.retrain.surrogate.solver) == (None, "working_set")
    assert not diff_specs(stored, loaded)  # the file of a stored campaign, loaded again
    assert spec_hash(loaded.model_copy(update={"retrain": stored.retrain})) == spec_hash(loaded)
    assert with_defaults(campaign(calibrate=False)).retrain.calibrate is False


def test_bad_values_of_a_path_are_not_withheld():
    assert with_defaults(surface()).proposer.outliers is None
    assert with_defaults(surface({"type": "random"})) == surface({"type": "random"})


def test_a_new_search_for_barriers_relaxes_its_crystals_further():
    workflow = {"type": "migration_barrier"}
    calculators = [{"type": "chgnet", "workflow": workflow | more} for more in ({}, {"hops": "all"}, {"hops": "needed"})]
    files = [
        {
            "schema_version": 1,
            "name": "test",
            "space": {"type": "composition", "parent": {"prototype": "tavorite"}},
            "calculator": calculator,
            "objective": {"property": "migration_barrier", "unit": "eV"},
            "budget": {"evaluations": 10},
        }
        for calculator in [*calculators, {"type": "gpaw", "workflow": workflow}]
    ]
    open_, all_, needed, noisy = (CampaignSpec.model_validate(file) for file in files)
    assert with_defaults(open_).calculator.workflow.hops == "all"
    assert with_defaults(needed).calculator.workflow.hops == "needed"
    assert with_defaults(noisy).calculator.workflow.hops is None
    assert spec_hash(with_defaults(open_)) == spec_hash(open_) == spec_hash(all_) != spec_hash(needed)
    look = {"name": "look", "cost": 0.1, "calculator": {"workflow": {"midpoint_steps": 3}}}
    looks = with_defaults(CampaignSpec.model_validate(files[0] | {"levels": [look], "budget": {"cost": 5}}))
    assert looks.levels[0].calculator.workflow.hops == "all"
    assert "hops" not in without_defaults(looks)["levels"][0]["calculator"]["workflow"]


def test_new_boundaries_of_compounds_are_kept_equal_and_checked(tmp_path):
    def campaign(calculator, **keys):
        space = {"type": "compound_boundary", "crystal": "al.cif", "planes": [[2, 1, 0]], **keys}
        return CampaignSpec.model_validate(
            {"schema_version": 1, "name": "test", "space": space, "calculator": calculator, "budget": {"evaluations": 1}}
        )

    stored, free = (
        campaign({"type": "emt"}),
        campaign({"type": "emt"}, equal_boundaries="free", cleaved="kept", convergence="unchecked"),
    )
    assert (stored.space.final_checks, stored.final_relaxations, stored.space.thicknesses) == (0, 0, ())
    assert not {"equal_boundaries", "cleaved", "convergence"} & stored.space.model_dump().keys()
    loaded = with_defaults(stored)
    assert (loaded.space.equal_boundaries, loaded.space.cleaved, loaded.space.convergence) == ("kept", "failure", "checked")
    assert (loaded.final_relaxations, loaded.space.thicknesses) == (1, (24.0,))
    assert not diff_specs(stored, loaded)  # the file of a stored campaign, loaded again
    assert spec_hash(loaded) == spec_hash(stored) != spec_hash(free)
    assert with_defaults(free).space == free.space
    assert diff_specs(loaded, free)
    noisy = with_defaults(campaign({"type": "gpaw"}))
    assert (noisy.space.equal_boundaries, noisy.space.convergence) == ("kept", "unchecked")
    assert noisy.final_relaxations == 0
