"""Trainings as runs of the service's deployment: the campaign's driver asks for them and goes on with what they bring."""

from __future__ import annotations

RETRAINED = {
    "seed": 6,
    "space": {
        "type": "grain_boundary",
        "crystal": {"structure": "fcc", "element": "Al", "lattice_parameter": 3.994},
        "axis": [1, 1, 0],
        "boundaries": {"planes": [[1, 1, 3], [1, 1, 2], [1, 1, 1]]},
        "translation": {"normal": [0.0, 0.4]},
    },
    "calculator": {"type": "emt", "relaxation": {"fmax": 0.5}},
    "label": {"calculator": {"type": "emt"}},
    "objective": {"property": "label_grain_boundary_energy"},
    "proposer": {"type": "random", "by_system": True},
    "retrain": {
        "surrogate": {"type": "kernel_ridge", "descriptors": [{"type": "radial", "widths": [0.4]}]},
        "first": 4,
        "every": 3,
        "group": "surface",
        "held_out": 0.4,
    },
    "first_look": {"deviations": 0.5, "check_every": 5},
    "budget": {"evaluations": 11},
    "execution": {"in_flight": 2, "retries": 1, "retry_backoff": 0.01, "polish": 0},
}


def test_service_trains_for_a_campaign_and_a_training_that_fails_stops_nothing(service, campaign_document):
    with service.site.open("a") as site:
        site.write(f"training: {{by: service, service: {service.name}, device: cpu}}\n")
    service.start("--reconcile", "never")
    run = service.launch("campaign", campaign=campaign_document | RETRAINED)
    assert service.wait_for_end(run)["type"] == "COMPLETED"
    retrains = service.store.retrains("small")
    assert not retrains[0][1].ok  # the first four results are of one group beside those held out
    assert "1 group of training data" in retrains[0][1].message
    assert [end.version for _, end in retrains[1:2]] == ["small@1"]
    trained = service.server.ask("POST", "/flow_runs/filter", {"flows": {"name": {"any_": ["retrain"]}}})
    assert {one["parameters"]["number"] for one in trained} == set(range(1, len(retrains) + 1))
    assert {one["name"] for one in trained} == {f"small-{number}" for number in range(1, len(retrains) + 1)}
    looks = [one.proposal.look.model for one in service.store.evaluations("small") if one.proposal.look]
    assert looks[0] == "small@1"
    assert service.stop() == 0
