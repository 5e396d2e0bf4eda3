"""Several candidates in one job: the same observations, and a bundle that dies loses only what it has not finished."""

import json
import os
import signal

from tansaku.models.domain.states import EvaluationState


def orders(campaign):
    """What compute nodes were told, by launch."""
    paths = (campaign.backend.shared / "launches").glob("*/launch.json")
    return {path.parent.name: json.loads(path.read_text()) for path in paths}


def sizes(campaign):
    return sorted(len(order["members"]) for order in orders(campaign).values())


def campaign_of(make_campaign, bundle, **keys):
    return make_campaign(
        {"bundle": bundle, "bundle_wait": 20.0, **keys},
        budget={"evaluations": 4},
        execution={"in_flight": 4, "retries": 2, "retry_backoff": 0.01, "polish": 0, "timeout": 120},
    )


def test_bundles_give_the_observations_of_single_jobs(make_campaign):
    alone = campaign_of(make_campaign, 1)
    alone.drive()
    assert alone.attempts() == [[]] * 4, alone.say("log", "small", "--all")
    together = campaign_of(make_campaign, 8, mode="offline")
    together.drive()
    assert sizes(alone) == [1] * 4
    # Never larger than what the campaign has in flight.
    assert sizes(together) == [4]
    assert together.observed() == alone.observed()
    assert len(together.observed()) == 4
    assert together.attempts() == [[]] * 4
    candidate = together.evaluations()[3].proposal.candidate
    (launch,) = orders(together)
    assert launch in together.say("log", "small", candidate)


def test_a_bundle_killed_midway_loses_only_what_it_has_not_finished(make_campaign, slurm):
    campaign = campaign_of(make_campaign, 4)
    driver = campaign.start()
    campaign.wait_for(lambda: sum(one.state is EvaluationState.DONE for one in campaign.evaluations()) >= 1)
    job, pid = campaign.hold_one()
    done = {one.id: one.outcome for one in campaign.evaluations() if one.state is EvaluationState.DONE}
    (launch,) = orders(campaign)
    assert launch == campaign.launch(job)
    slurm.run("scancel", "--signal=KILL", "--full", f"--name={launch}")
    os.kill(pid, signal.SIGKILL)
    assert campaign.ended(driver) == 0
    evaluations = campaign.evaluations()
    assert [one.state for one in evaluations] == [EvaluationState.DONE] * 4
    kept = {one.id: one.outcome for one in evaluations if one.id in done}
    assert kept == done
    assert all(len(one.attempts) == 1 for one in evaluations if one.id in done)
    lost = [one for one in evaluations if len(one.attempts) == 2]
    assert len(lost) >= 1
    again = {member["name"] for name, order in orders(campaign).items() if name != launch for member in order["members"]}
    assert again == {one.attempts[1].job_name for one in lost}


def test_one_of_a_bundle_is_cancelled_and_the_others_go_on(make_campaign):
    campaign = campaign_of(make_campaign, 4)
    driver = campaign.start()
    job, _ = campaign.hold_one()
    launcher = campaign.backend.cluster().launcher(campaign.store.campaign_id("small"))
    launcher.cancel({"type": "fireworks", "name": job})
    assert campaign.ended(driver) == 0
    assert [one.state for one in campaign.evaluations()] == [EvaluationState.DONE] * 4
    assert sorted(campaign.attempts()) == [[], [], [], ["cancelled"]]
    assert len(orders(campaign)) == 2
