"""Campaigns that run beside a script."""

from __future__ import annotations

import time

import pandas as pd
import pytest

import tansaku as ts
from tansaku.models.domain.errors import StateError

TABLE = pd.DataFrame({"alloy": ["a", "b", "c"], "x": [0.1, 0.3, 0.5], "y": [5.0, 2.0, 1.0]})


def recorded(**keys) -> ts.Campaign:
    space = ts.Table(TABLE, columns={"id": "alloy", "value": "y"}, features={"all": {"columns": ["x"]}})
    return ts.Campaign(space, ts.minimize(unit="eV"), 2, proposer="random", store=None, **keys)


def test_a_started_campaign_goes_on_until_it_is_waited_for():
    campaign = recorded()
    with pytest.raises(StateError, match=r"was not started; `start\(\)` does it"):
        campaign.wait()
    campaign.start()
    assert campaign.wait(0.0) is None
    with pytest.raises(StateError, match="runs already"):
        campaign.start()
    assert campaign.wait() == "evaluations"
    assert campaign.done
    assert len(campaign.frame) == 2


def test_what_ends_a_started_campaign_is_raised_where_it_is_waited_for(monkeypatch):
    campaign = recorded()
    monkeypatch.setattr("tansaku.deploy.python.driving.CampaignLoop", lambda *_: time.no_such_thing)
    campaign.start()
    with pytest.raises(AttributeError, match="no_such_thing"):
        campaign.wait()


def test_a_paused_campaign_is_not_started():
    campaign = recorded()
    campaign.pause()
    with pytest.raises(StateError, match=r"^campaign 'campaign' is paused; `resume\(\)` continues it$"):
        campaign.start()
    campaign.resume()
    campaign.start()
    assert campaign.wait() == "evaluations"
