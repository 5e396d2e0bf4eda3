"""The same campaign on this machine and on SLURM."""

import pytest
import yaml

from tansaku.models.domain.states import EvaluationState


@pytest.mark.parametrize("mode", ["online", "offline"])
def test_campaign_on_slurm_gives_the_observations_of_the_local_launcher(make_campaign, tmp_path, mode):
    campaign = make_campaign({"mode": mode}, budget={"evaluations": 3})
    # Once inside a Prefect flow, as users run it.
    options = ("--plain",) if mode == "online" else ("--site", str(campaign.site_file))
    assert campaign.ended(campaign.start(*options)) == 0, campaign.log.read_text()[-3000:]
    on_slurm = campaign.observed()
    assert len(on_slurm) == 3
    assert {one.outcome.provenance.host for one in campaign.evaluations()} <= {"n1", "n2"}
    assert campaign.runs() == 3
    assert campaign.attempts() == [[], [], []]
    launchpad = campaign.backend.cluster().launchpad
    kept = (launchpad.workflows, launchpad.fireworks, launchpad.launches)
    # The last node may still be telling FireWorks of a job whose result was read before.
    campaign.wait_for(lambda: not any(collection.count_documents({}) for collection in kept))

    database = {"name": f"{campaign.backend.database}-local", "uri_file": str(campaign.backend.uri_file)}
    local = tmp_path / "local.yaml"
    local.write_text(yaml.safe_dump({"launcher": {"type": "local", "workers": 2}, "database": database}))
    campaign.drive(TANSAKU_SITE=str(local))
    store = campaign.store
    store._collections.database.client.close()
    campaign.backend.database = database["name"]
    assert campaign.observed() == on_slurm
    assert [one.state for one in campaign.evaluations()] == [EvaluationState.DONE] * 3
    campaign.store._collections.database.client.drop_database(database["name"])
