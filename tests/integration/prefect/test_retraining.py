"""Trainings as runs of the service's deployment: the campaign's driver asks for them and goes on with what they bring."""

import pytest


@pytest.fixture(scope="module")
def local_workers():
    """Two evaluations are in progress when a training is due."""
    return 2


def test_workers_train_for_a_campaign_and_a_training_that_fails_stops_nothing(
    service, pool_worker, campaign_document, retrained_keys
):
    with service.site.open("a") as site:
        site.write(f"training: {{by: service, service: {service.name}, device: cpu}}\n")
    pool = pool_worker()
    service.start("--reconcile", "never", "--training-pool", pool)
    assert service.deployment("campaign")["work_pool_name"] is None
    run = service.launch("campaign", campaign=campaign_document | retrained_keys(budget={"evaluations": 11}))
    assert service.wait_for_end(run)["type"] == "COMPLETED"
    retrains = service.store.retrains("small")
    assert not retrains[0][1].ok  # the first four results are of one group beside those held out
    assert "1 group of training data" in retrains[0][1].message
    assert [end.version for _, end in retrains[1:2]] == ["small@1"]
    trained = service.server.ask("POST", "/flow_runs/filter", {"flows": {"name": {"any_": ["retrain"]}}})
    assert {one["parameters"]["number"] for one in trained} == set(range(1, len(retrains) + 1))
    assert {one["name"] for one in trained} == {f"small-{number}" for number in range(1, len(retrains) + 1)}
    assert {one["work_pool_name"] for one in trained} == {pool}
    looks = [one.proposal.look.model for one in service.store.evaluations("small") if one.proposal.look]
    assert looks[0] == "small@1"
    assert service.stop() == 0
