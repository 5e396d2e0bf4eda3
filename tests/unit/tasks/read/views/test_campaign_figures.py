"""Data of the figures on a campaign's page."""

from __future__ import annotations

import numpy as np
import pytest

from tansaku.models.domain.certificate import Certificate
from tansaku.models.domain.records import Evaluation, Event, LeaseOwner, Outcome, Quantity
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.views import Columns
from tansaku.tasks.backends.stores.columns import columns_of
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.loop.steps.certificates import CERTIFICATE
from tansaku.tasks.read.views import campaign_figures
from tansaku.tasks.read.views.campaign_figures import (
    EMPTY,
    EVALUATED,
    FAILED,
    angle_curve,
    evenly,
    figures_of,
    front_points,
    potential_lines,
)
from tansaku.tasks.read.views.chemical_potential import BoundaryLine, PotentialHull
from tansaku.tasks.read.views.compositions import composition_maps
from tansaku.tasks.read.views.readings import Readings
from tests.support.records import NOW, evaluation_of, proposal_of


def done(number: int, value: float, system: str = "s", purpose: str = "search", **quantities: float) -> Evaluation:
    predicted = {"acquisition": 0.5, "predicted_mean": value, "predicted_deviation": 0.1}
    proposal = proposal_of(number, system=system, purpose=purpose, **predicted)
    found = {name: Quantity(value=found, unit="meV") for name, found in quantities.items()}
    return evaluation_of(proposal, Outcome(value=value, wall_time=1.0, quantities=found), finished_at=NOW)


def arrays_of(items: list[Evaluation], spec: CampaignSpec | None = None) -> Columns:
    further = () if spec is None else spec.objective.further
    return columns_of(items, [goal.property for goal in further])


def test_lowest_energies_by_rising_angle():
    items = [done(1, 5.0, "b"), done(2, 4.0, "b"), done(3, 9.0, "a"), done(4, 3.5, "b", "polish"), done(5, 1.0, "b", "polish")]
    systems = [
        {"system": "b", "angle": 70.5, "sigma": 3, "plane": [1, 1, 2]},
        {"system": "a", "angle": 20.0},
        {"system": "none", "angle": 1},
    ]
    found = angle_curve(arrays_of(items), systems, 1.0)
    assert (found.angle, found.labels) == ((20.0, 70.5), ("a", "Σ3 (112)"))
    assert (found.searched, found.relaxed, found.evaluations) == ((9.0, 4.0), (None, 1.0), (1, 2))
    assert angle_curve(arrays_of(items), systems, -1.0).searched == (9.0, 5.0)
    assert angle_curve(arrays_of([]), systems, 1.0) is None


def test_lines_over_a_chemical_potential_have_points_where_another_becomes_the_lowest():
    lines = (
        BoundaryLine("few", 3, -2, -0.01, 600.0, 200.0),
        BoundaryLine("even", 1, 0, 0.0, 500.0, 0.0),
        BoundaryLine("many", 7, 2, 0.01, 400.0, -200.0),
    )
    (found,) = potential_lines([PotentialHull("(1 1 2)", "TiO2", lines, (-1.5, 0.0), "mJ/m2")])
    assert found.potentials == pytest.approx((-1.5, -0.5, 0.0))
    assert [(line.candidate, line.number, line.excess) for line in found.lines] == [
        ("few", 3, -2),
        ("even", 1, 0),
        ("many", 7, 2),
    ]
    np.testing.assert_allclose([line.energy for line in found.lines], [[300, 500, 600], [500, 500, 500], [700, 500, 400]])
    assert found.lowest == pytest.approx((300.0, 500.0, 400.0))
    assert potential_lines([]) == ()


def test_a_map_has_the_values_of_the_figures_of_the_command_line(tavorite_search, monkeypatch):
    data = tavorite_search(8)
    store = MemoryCampaignStore()
    store.create_campaign(data.record)
    monkeypatch.setattr(store, "evaluations", lambda name: list(data.evaluations))
    reading = Readings(store).reading(data.record.name)
    found = figures_of(reading)
    (drawn,), (shown,) = composition_maps(data), found.maps
    assert (shown.rows, shown.columns, shown.row_site) == (drawn.rows, drawn.columns, "M")
    states = np.array(shown.state)
    assert [(states == state).sum() for state in (EVALUATED, FAILED)] == [7, 1]
    assert ((states == EMPTY) == (drawn.state == EMPTY)).all()
    values = np.array(shown.value, dtype=float)
    assert np.array_equal(values[states == EVALUATED], drawn.value[states == EVALUATED])
    assert (found.unit, found.angles, found.front, found.problem) == ("eV", None, None, "")
    assert figures_of(reading) is found


def test_the_front_and_what_it_surpasses_thinned_out(monkeypatch, tavorite_search):
    monkeypatch.setattr(campaign_figures, "MOST_POINTS", 10)
    spec = tavorite_search(1).spec
    goal = {"type": "pareto", "also": [{"property": "gap", "unit": "eV", "direction": "maximize"}]}
    objective = spec.objective.model_validate(spec.objective.model_dump() | {"goal": goal})
    spec = spec.model_copy(update={"objective": objective})
    # 1, 2: on the front; the others are worse than 2 in both.
    items = [done(1, 1.0, gap=1000.0), done(2, 2.0, gap=3000.0)] + [done(k, 2.0 + k, gap=1000.0 - k) for k in range(3, 40)]
    found = front_points(arrays_of(items, spec), spec)
    assert (len(found.numbers), found.count, sum(found.member)) == (10, 39, 2)
    assert found.numbers[:2] == (1, 2)
    assert found.values[1][:2] == (1.0, 3.0)
    assert list(found.values[0]) == sorted(found.values[0])
    assert [(axis.name, axis.unit, axis.direction) for axis in found.axes][1] == ("gap", "eV", "maximize")
    assert front_points(arrays_of([done(1, 1.0)], spec), spec) is None
    assert front_points(arrays_of(items), tavorite_search(1).spec) is None


def test_the_last_certificate_and_the_last_proposals(recorded):
    store = recorded("a1", "a2")
    name = store.campaign_names()[0]
    for number, tolerance in ((10, 5.0), (20, 3.0)):
        certificate = Certificate(
            number=number, horizon=1, searched=2, confidence=0.95, tolerance=tolerance,
            tolerances={"alpha": tolerance, "beta": None}, within=1.0, probability=0.5,
            probabilities={"alpha": 0.5}, unit="mJ/m2",
        )  # fmt: skip
        data = certificate.model_dump(mode="json")
        store.append_event(Event(id=f"c{number}", campaign=name, kind=CERTIFICATE, at=NOW, data=data))
    lease = store.acquire_lease(name, LeaseOwner(host="h", pid=1, process_started=0.0, user="u"), 60.0)
    chosen = done(3, 1.0).proposal.model_copy(update={"candidate": "b1", "horizon": 0})
    store.insert_proposal(lease, chosen)
    found = figures_of(Readings(store).reading(name))
    assert (found.certificate.number, found.certificate.systems) == (20, ("alpha", "beta"))
    assert (found.certificate.tolerance, found.certificate.probability) == ((3.0, None), (0.5, None))
    assert (found.proposals.numbers, found.proposals.deviation, found.proposals.found) == ((3,), (0.1,), (None,))


def test_a_space_that_cannot_be_opened_hides_no_other_figure(tavorite_search):
    data = tavorite_search(1)
    store = MemoryCampaignStore()
    space = data.record.spec["space"] | {"parent": {"cif": "gone.cif"}}
    store.create_campaign(data.record.model_copy(update={"spec": data.record.spec | {"space": space}}))
    found = figures_of(Readings(store).reading(data.record.name))
    assert found.maps == ()
    assert found.problem.startswith("the space cannot be opened on this machine: ")


@pytest.mark.parametrize(("count", "most"), [(3, 5), (5, 5), (100, 5), (7, 0)])
def test_evenly_spaced_entries(count, most):
    found = evenly(count, most).tolist()
    assert len(found) == min(count, most)
    assert found == sorted(set(found))
    assert not found or (found[0], found[-1]) == (0, count - 1)
