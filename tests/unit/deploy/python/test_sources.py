"""Acquisition functions of scripts: what is stored of them, and what is proposed by them."""

from __future__ import annotations

import linecache

import numpy as np
import pytest
from scipy.stats import norm

import tansaku as ts
from tansaku.deploy.python.places import Memory
from tansaku.deploy.python.sources import acquisition_keys
from tansaku.models.domain.errors import ConfigurationError, SpecChangedError
from tansaku.tasks.ground.formats.yaml_text import parse_yaml
from tansaku.tasks.node.configuration.campaign_files import campaign_from_data

SHIFT = 0.0


class Weight:
    """A class of this file, which a text of the function alone would lack."""


def improvement(pool, observations, posterior, rng):
    gain = posterior.mean - observations.best + SHIFT
    u = gain / posterior.deviation
    return gain * norm.cdf(u) + posterior.deviation * norm.pdf(u)


def weighed(pool, observations, posterior, rng):
    return Weight()


def misnamed(pool, observations, posterior, rng, start=Weight):
    return posterior.mean


def random(pool, observations, posterior, rng):
    return rng.random(len(pool))


def searched(**keys) -> ts.Campaign:
    space, objective = ts.Parameters({"x": (0, 1), "where": ["in", "out"]}, pool=32), ts.maximize("gain", unit="eV")
    return ts.Campaign(space, objective, 7, **{"store": None, **keys})


def told(campaign: ts.Campaign) -> list[str]:
    while not campaign.done:
        for row in campaign.ask(1):
            campaign.tell(row, value=-((row["x"] - 0.3) ** 2) - 0.1 * (row["where"] == "in"))
    return [evaluation.proposal.candidate for evaluation in campaign.evaluations]


def test_a_function_that_is_expected_improvement_proposes_what_the_built_in_one_does(tmp_path):
    campaign = searched(acquisition=improvement)
    assert told(campaign) == told(searched()) != told(searched(acquisition=random))
    stored = campaign.spec.proposer.function
    assert (stored.name, stored.module) == ("improvement", __name__)
    assert "SHIFT = 0.0" in stored.source
    assert "from scipy.stats import norm as norm" in stored.source
    assert stored.source_sha256 in campaign.yaml
    assert "    def improvement(pool, observations, posterior, rng):\n" in campaign.yaml
    again = campaign_from_data(parse_yaml(campaign.yaml, "text").data, tmp_path, "text")
    assert again.spec.proposer == campaign.spec.proposer


def test_a_proposal_says_that_the_function_chose_it():
    campaign, said = searched(acquisition=random), set()
    while not campaign.done:
        for row in campaign.ask(1):
            said.add(row.why)
            campaign.tell(row, value=row["x"])
    initial = "initial design: chosen before any value is known"
    assert said == {initial, "chosen by the script's function random for its highest score"}


def test_a_changed_function_cannot_continue_a_campaign(monkeypatch):
    place = Memory()
    monkeypatch.setattr("tansaku.deploy.python.campaign.Memory", lambda: place)
    first = searched(acquisition=improvement).ask(1)
    assert searched(acquisition=improvement).ask(1) == first
    monkeypatch.setitem(globals(), "SHIFT", 1.0)
    with pytest.raises(SpecChangedError, match=r"proposer\.function"):
        searched(acquisition=improvement)


def test_what_cannot_be_run_from_its_text_is_refused_with_the_way_to_do_it():
    def inner(pool, observations, posterior, rng):
        return posterior.mean

    for function, message in (
        (lambda *_: 0.0, "a lambda has no name.*`def` defines at the top level"),
        (inner, "inside another function.*`def` defines at the top level"),
        ("ucb", "'ucb' is a str"),
        (weighed, "weighed uses Weight, a type"),
        (misnamed, "misnamed cannot be run: NameError.*Weight"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            searched(acquisition=function)


def leaving(pool, observations, posterior, rng):
    raise SystemExit(3)


def worded(pool, observations, posterior, rng):
    return "much"


def single(pool, observations, posterior, rng):
    return 1.0


def undefined(pool, observations, posterior, rng):
    return np.full(len(pool), np.nan)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (leaving, "leaving raised SystemExit: 3"),
        (worded, "worded returned a str; expected an array of numbers"),
        (single, r"single returned the shape \(\); expected \(\d+,\), a score for each candidate"),
        (undefined, r"undefined returned nan for p\d+ \(\d+ of \d+ candidates\); expected numbers"),
    ],
)
def test_scores_that_are_none_leave_what_is_stored_as_it_is(function, message):
    campaign = searched(acquisition=function, proposer={"type": "gp", "initial_points": 2})
    for row in campaign.ask(2):
        campaign.tell(row, value=row["x"])
    with pytest.raises(ConfigurationError, match=rf"^proposer\.function: {message}"):
        campaign.ask(1)
    assert [item.outcome.value for item in campaign.evaluations] == [item["x"] for item in campaign.frame.to_dict("records")]


def test_a_notebooks_function_has_the_text_of_its_cell():
    cell, text = "<ipython-input-41>", "def score(pool, observations, posterior, rng):\n    return posterior.mean\n"
    linecache.cache[cell] = (len(text), None, text.splitlines(keepends=True), cell)
    names: dict[str, object] = {"__name__": "__main__", "np": np}
    exec(compile(text, cell, "exec"), names)
    assert acquisition_keys(names["score"])["source"].endswith(text)
    del linecache.cache[cell]
