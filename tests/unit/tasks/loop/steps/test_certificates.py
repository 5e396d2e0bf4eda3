from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tansaku.models.domain.certificate import Certificate
from tansaku.models.domain.records import Event
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.objective import StopRuleSpec
from tansaku.tasks.loop.steps.certificates import still_stops, stopping, stored_certificates
from tests.support.campaign_files import table_space

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
        "Certificate (50 %): nothing better by more than 5 mJ/m2 remains; "
        "with 90 %: nothing better by more than 4 mJ/m2 remains"
    )
    assert drawn().describe() == "Certificate (93 %): nothing better by more than 5 mJ/m2 remains (certain)"
    assert drawn(within=None, probability=None).describe() == "Certificate (90 %): nothing better by more than 4 mJ/m2 remains"


def test_failed_candidates_are_named():
    assert drawn(failed=3).describe() == f"{drawn().describe()}; of 3 candidates that failed nothing is known"


def test_what_is_known_of_some_systems_is_said():
    none = {"a": None, "b": None}
    assert drawn(tolerance=None).describe() == "Certificate (90 %): not enough results to say what remains"
    assert drawn(tolerance=None, tolerances=none).describe() == "Certificate (90 %): not enough results to say what remains"
    some = {"a": 26.0, "b": None, "c": 11.0}
    assert drawn(tolerance=None, tolerances=some, known=31.0).describe() == (
        "Certificate (90 %): 2 of 3 systems: nothing better by more than 31 mJ/m2 remains"
    )


def test_certificates_stored_before_say_what_they_know_too():
    """They hold no tolerance of several systems together, so nothing is said of them together."""
    stored = drawn(tolerance=None, tolerances={"a": 26.0, "b": None, "c": 11.0}).model_dump(mode="json")
    del stored["known"]
    assert Certificate.model_validate(stored).describe() == (
        "Certificate (90 % each): 2 of 3 systems: nothing better by more than 26 mJ/m2 remains"
    )


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
            "space": table_space("a.csv", {"id": "id", "value": "v"}, {"x": {"columns": "x"}}),
            "budget": {"stop": {"within": "5 mJ/m2", "probability": 0.9}},
        }
    )
    early, late = drawn(number=21, searched=20, stops=False), drawn()
    events = [event(early), event(late), event(drawn(number=40), kind="other")]
    assert [one.number for one in stored_certificates(events)] == [21, 31]
    assert stopping(spec, events, 30) == late
    assert stopping(spec, events, 20) is None
