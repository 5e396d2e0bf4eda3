from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tansaku.models.domain.records import Certificate, Event
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.objective import StopRuleSpec
from tansaku.tasks.steps.certificates import still_stops, stopping, stored_certificates

RULE = StopRuleSpec(within="5 mJ/m2", probability=0.9)


def drawn(**changes: object) -> Certificate:
    known = {"number": 31, "horizon": 29, "searched": 30, "confidence": 0.9, "tolerance": 4.0, "within": 5.0}
    return Certificate.model_validate(known | {"probability": 0.93, "unit": "mJ/m2", "stops": True} | changes)


def event(certificate: Certificate, kind: str = "certificate") -> Event:
    return Event(
        id=str(certificate.number), campaign="a", kind=kind, at=datetime.now(UTC), data=certificate.model_dump(mode="json")
    )


def test_words():
    assert drawn(stops=False, probability=0.5).describe() == (
        "50 %: nothing better by more than 5 mJ/m2 remains; 90 %: nothing better by more than 4 mJ/m2 remains"
    )
    assert drawn().describe() == "93 %: nothing better by more than 5 mJ/m2 remains (certain)"
    assert drawn(within=None, probability=None).describe() == "90 %: nothing better by more than 4 mJ/m2 remains"
    assert "too little is known" in drawn(tolerance=None).describe()


@pytest.mark.parametrize(
    ("certificate", "rule", "searched", "stops"),
    [
        (drawn(), RULE, 30, True),
        (drawn(), RULE, 31, False),
        (drawn(), None, 30, False),
        (drawn(stops=False), RULE, 30, False),
        (drawn(), StopRuleSpec(within="4 mJ/m2", probability=0.9), 30, False),
        (drawn(), StopRuleSpec(within="0.005 J/m2", probability=0.9), 30, True),
        (drawn(), StopRuleSpec(within="5 mJ/m2", probability=0.95), 30, False),
        (drawn(), StopRuleSpec(within="5 mJ/m2", probability=0.8), 30, True),
    ],
)
def test_a_search_stays_stopped_under_the_rule_it_was_stopped_by(certificate, rule, searched, stops):
    assert still_stops(certificate, rule, "mJ/m2", searched) is stops


def test_the_audit_is_asked():
    spec = CampaignSpec.model_validate(
        {
            "schema_version": 1,
            "name": "a",
            "space": {
                "type": "table",
                "candidates": "a.csv",
                "columns": {"id": "id", "value": "v"},
                "features": {"x": {"columns": "x"}},
            },
            "budget": {"stop": {"within": "5 mJ/m2", "probability": 0.9}},
        }
    )
    early, late = drawn(number=21, searched=20, stops=False), drawn()
    events = [event(early), event(late), event(drawn(number=40), kind="other")]
    assert [one.number for one in stored_certificates(events)] == [21, 31]
    assert stopping(spec, events, 30) == late
    assert stopping(spec, events, 20) is None
