"""A campaign's trainings as jobs of the queue, with resources of their own."""

import json


def test_a_training_is_a_job_of_the_queue_with_resources_of_its_own(make_campaign, retrained_keys):
    own = {"classes": [{"calculator": "training", "resources": {"walltime": 420}}]}
    keys = retrained_keys({"first": 7}, budget={"evaluations": 9})
    del keys["execution"]
    campaign = make_campaign(own, **keys)
    campaign.drive()
    ((retrain, end),) = campaign.store.retrains("small")
    assert end is not None
    assert end.version is not None, end
    assert retrain.observations == 7
    assert all(one.proposal.look is None for one in campaign.evaluations()[:7])
    assert campaign.evaluations()[-1].proposal.look.model == end.version
    scripts = {path.parent.name: path.read_text() for path in (campaign.backend.shared / "launches").glob("*/job.sh")}
    longer = [name for name, script in scripts.items() if "--time=7\n" in script]
    assert len(longer) == 1
    order = json.loads((campaign.backend.shared / "launches" / longer[0] / "launch.json").read_text())
    assert len(order["members"]) == 1
    assert len(scripts) == 10
