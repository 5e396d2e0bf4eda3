"""A node that comes back with a result after it had been given up."""

import os
import signal

import yaml

from tansaku.models.domain.states import EvaluationState


def lose_sight(campaign, slurm):
    """Stops a node in the middle of a job until SLURM and the heart both say that it is dead; returns how it goes on."""
    job, pid = campaign.hold_one()
    launch = campaign.launch(job)
    supervisor = campaign.backend.supervisor(launch)
    supervisor.suspend()
    node = campaign.spool.claimed(job).host
    slurm.cut_off(node)
    # SLURM forgets a job a while after its node was last heard of: on a busy machine that may be at once.
    campaign.wait_for(lambda: slurm.jobs().get(launch) in ("NODE_FAIL", None))

    def go_on():
        supervisor.resume()
        os.kill(pid, signal.SIGCONT)
        campaign.wait_for(
            lambda: list(campaign.spool.folder(job).glob("result.json")) or not campaign.spool.folder(job).exists()
        )
        slurm.connect(node)

    return go_on


def lost(campaign):
    return [one for one in campaign.evaluations() if one.attempts and one.attempts[0].failure is not None]


def late_events(campaign):
    return [event.data["adopted"] for event in campaign.store.events("small") if event.kind == "late-result"]


def test_a_late_result_of_an_attempt_that_was_replaced_is_kept_aside_and_shown(make_campaign, slurm):
    campaign = make_campaign()
    driver = campaign.start()
    go_on = lose_sight(campaign, slurm)
    assert campaign.ended(driver) == 0
    (evaluation,) = lost(campaign)
    assert (evaluation.state, len(evaluation.attempts)) == (EvaluationState.DONE, 2)
    observed = campaign.observed()
    go_on()
    assert "1 late result stored as unused" in campaign.say("reconcile")
    (after,) = lost(campaign)
    assert after.outcome == evaluation.outcome
    assert after.attempts[0].late_outcome.value == evaluation.outcome.value
    assert campaign.observed() == observed
    assert late_events(campaign) == [False]
    candidate = evaluation.proposal.candidate
    assert f"late result, not used: {candidate}, attempt 1" in campaign.say("status", "small")
    shown = yaml.safe_load(campaign.say("show", "small", candidate))
    assert shown["evaluations"][0]["attempts"][0]["late_outcome"]["value"] == evaluation.outcome.value
    assert not list((campaign.spool.root / "jobs").iterdir())
