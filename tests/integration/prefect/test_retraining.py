"""Trainings as runs of the service's deployment: the campaign's driver asks for them and goes on with what they bring."""

from __future__ import annotations

import pytest

from tansaku.models.domain.specs.surrogate import ModelSpec
from tansaku.models.domain.surrogates import TrainingRun
from tansaku.tasks.backends.resources import open_resources
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.loop.training.versions import find_dataset, find_model, open_model, read_dataset, read_report
from tansaku.tasks.node.configuration.campaign_files import load_site
from tansaku.tasks.node.jobs.fitting import fit_and_judge, learned_from


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


@pytest.fixture
def there(service, tmp_path):
    """The service's database."""
    with open_resources(Settings(home=tmp_path / "plain", mongo_uri=service.uri), load_site(service.site)) as resources:
        yield resources


def test_a_training_by_the_service_begins_with_the_version_in_use(service, there, campaign_document, growing_keys, require):
    for package in ("h5py", "safetensors", "torch", "matscipy"):
        require(package)
    with service.site.open("a") as site:
        site.write(f"training: {{by: service, service: {service.name}, device: cpu}}\n")
    service.start("--reconcile", "never")
    keys = growing_keys({"warm": True}, budget={"evaluations": 13})
    run = service.launch("campaign", campaign=campaign_document | keys)
    assert service.wait_for_end(run)["type"] == "COMPLETED"
    (_, first), (begun, second) = service.store.retrains("small")
    assert (first.version, first.promoted, second.version) == ("small@1", True, "small@2"), (first, second)
    warm = find_model(there.registry, "small@2")
    spec = ModelSpec.model_validate(warm.spec)
    assert (find_model(there.registry, "small@1").spec["start"], spec.start) == (None, "small@1")
    dataset = find_dataset(there.registry, begun.dataset)
    examples = learned_from(read_dataset(there.artifacts, dataset), spec.learns)
    start = open_model(there.artifacts, find_model(there.registry, "small@1")).weights()
    here, cold = (
        fit_and_judge(spec, examples, dataset.groups, TrainingRun(start=one)).curve[0].training for one in (start, None)
    )
    told = read_report(there.artifacts, warm)[1][0].training
    assert told == pytest.approx(here, rel=1e-6)
    assert told < 0.9 * cold
    assert service.stop() == 0
