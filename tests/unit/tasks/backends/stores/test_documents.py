"""Documents of a database as records: what is no record of this program is named."""

import copy
import functools
import uuid

import bson
import pytest
from bson import Binary, Code, DBRef, Decimal128, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.datetime_ms import DatetimeMS
from pydantic import ValidationError

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.records import CampaignRecord, Evaluation, Outcome, Provenance, Quantity
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.backends.stores.documents import from_document, problems_of, to_document
from tests.support.records import campaign_record, evaluation_of, proposal_of

OPTIONS = CodecOptions(tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO)
ODD = {
    "a program": Code("7"),
    "a program with variables": Code("7", {"a": 1}),
    "a UUID": Binary.from_uuid(uuid.UUID(int=7)),
    "bytes of a number": Binary(b"7"),
    "bytes of another kind": Binary(b"7", 128),
    "a decimal number": Decimal128("7"),
    "an expression": Regex("7"),
    "a position of a log": Timestamp(7, 1),
    "a smallest key": MinKey(),
    "a largest key": MaxKey(),
    "a reference": ObjectId(b"7" * 12),
    "a reference to a collection": DBRef("campaigns", 7),
    "a time beyond the calendar": DatetimeMS(10**15),
}
"""Values that a database holds and this program never writes."""


def stored(document):
    """As a database gives it back."""
    return bson.decode(bson.encode(document), OPTIONS)


def places_in(document, before=()):
    """Paths of all values and containers of a document."""
    for key, item in document.items() if isinstance(document, dict) else enumerate(document):
        yield (*before, key)
        if isinstance(item, dict | list):
            yield from places_in(item, (*before, key))


def test_a_stored_type_that_nobody_brings_is_named_without_the_list_of_those_that_are_there():
    stored = {"schema_version": 1, "name": "a", "space": {"type": "crystals"}, "calculator": {"type": "planted"}}
    with pytest.raises(ValidationError) as caught:
        CampaignSpec.model_validate(stored)
    said = problems_of(caught.value, most=9)
    assert "calculator: type 'planted' is not known here; the plug-in that brings it is not installed" in said
    assert "gpaw" not in said


def written(kind):
    """A document of a campaign or an evaluation as the store writes it, with what the store adds."""
    if kind is CampaignRecord:
        commands = [{"id": "x", "kind": "edit", "payload": {"a": [1]}, "created_at": "2026-01-01T00:00:00Z"}]
        files = [{"path": "0" * 64 + "/a", "sha256": "0" * 64}]
        record = campaign_record(spec={"seed": 1}, runtime={"pid": 2}, owner="ada", commands=commands, files=files)
        added = {"revision": 0, "outbox": [{"collection": "refits", "document": {"_id": "r"}}]}
    else:
        quantities = {"energy": Quantity(value=1.0, unit="eV")}
        provenance = Provenance(code="emt", code_version="1", settings={"steps": 3})
        outcome = Outcome(value=1.0, quantities=quantities, properties={"a": [[{"b": 1}]]}, provenance=provenance)
        attempt = {"number": 1, "token": "t", "job_name": "j", "started_at": "2026-01-01T00:00:00Z", "handle": {"a": 1}}
        record = evaluation_of(proposal_of(), outcome, attempts=[attempt])
        added = {"revision": 0, "token": "t"}
    document = to_document(record)
    return {"_id": document.pop("id")} | document | added


@pytest.mark.parametrize("kind", [CampaignRecord, Evaluation])
@pytest.mark.parametrize("odd", ODD)
def test_a_value_that_is_never_written_is_named_wherever_it_lies(kind, odd):
    whole = stored(written(kind))
    from_document(kind, whole, key="id")
    for path in places_in(whole):
        changed = copy.deepcopy(whole)
        *keys, last = path
        functools.reduce(lambda part, key: part[key], keys, changed)[last] = ODD[odd]
        with pytest.raises(StoreError) as caught:
            from_document(kind, stored(changed), key="id")
        assert f"{'.'.join(map(str, path))} is of type " in caught.value.message
        assert "is damaged" in caught.value.message


def test_the_id_of_a_document_that_is_no_key_of_its_record_may_be_any():
    document = to_document(Quantity(value=1.0, unit="eV"))
    assert from_document(Quantity, document | {"_id": ObjectId()}).value == 1.0
