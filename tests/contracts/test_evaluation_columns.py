"""Every column of evaluations has values of its type, and is where its line says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from pydantic import TypeAdapter

from tansaku.deploy.web.api.campaigns import EvaluationLine
from tansaku.models.domain.evaluation_columns import COLUMNS, EXPORTED, HELD, RESULTS, Place, result_row, shown_at
from tansaku.models.domain.records import Attempt, Evaluation, Failure, Look, Outcome
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import EvaluationState, FailureKind
from tansaku.tasks.backends.stores.export_rows import FIELDS, exported_row
from tansaku.tasks.backends.stores.mongo_views import _row_expressions
from tests.support.campaign_files import table_space
from tests.support.records import proposal_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPEC = CampaignSpec.model_validate(
    {
        "schema_version": 1,
        "name": "rows",
        "space": table_space("rows.csv", {"id": "id", "value": "y"}, {"x": {"columns": ["x"]}}),
        "objective": {"unit": "eV"},
        "proposer": {"type": "random"},
        "budget": {"evaluations": 3},
    }
)

PROPOSAL = proposal_of(candidate="a", system="all", surface="all", model="random", horizon=0)
LOST = Failure(kind=FailureKind.PLUMBING, reason="walltime", message="after 60 s")
NEW = Evaluation(id="e1", campaign="rows", proposal=PROPOSAL, epoch=1, proposed_at=NOW)
EVALUATIONS = {
    "proposed": NEW,
    "lost": NEW.model_copy(
        update={
            "attempts": (Attempt(number=1, token="t", job_name="j", started_at=NOW, failure=LOST),),
            "state": EvaluationState.LOST,
        }
    ),
    "failed": NEW.model_copy(update={"outcome": Outcome(failure=LOST), "state": EvaluationState.FAILED, "finished_at": NOW}),
    "predicted": NEW.model_copy(
        update={
            "proposal": PROPOSAL.model_copy(update={"look": Look(model="m@1", weights="0", deviations=2.0)}),
            "outcome": Outcome(value=1.5, predicted_by="m@1", deviation=0.1, properties={"final_translation": [0.0, 1.0]}),
            "state": EvaluationState.DONE,
            "finished_at": NOW,
        }
    ),
    "done otherwise": NEW.model_copy(update={"state": EvaluationState.CANCELLED, "done_as": 2, "finished_at": NOW}),
}


@pytest.mark.parametrize("kind", EVALUATIONS)
def test_values_have_the_type_of_their_column(kind):
    evaluation = EVALUATIONS[kind]
    for column in COLUMNS:
        TypeAdapter(column.type).validate_python(column.value(evaluation, SPEC), strict=True)


@pytest.mark.parametrize("kind", EVALUATIONS)
def test_files_and_the_api_have_every_column(kind):
    exported = exported_row(EVALUATIONS[kind], SPEC.objective.unit)
    assert [*exported, "record"] == [name for name, _ in FIELDS]
    table = pa.Table.from_pylist([exported | {"record": "{}"}], schema=pa.schema(FIELDS))
    assert table.to_pylist()[0] == exported | {"record": "{}"}
    row = EvaluationLine.model_validate(result_row(EVALUATIONS[kind], SPEC))
    asked_for = ["cells", "others", "same_basin_as", "strained"]  # where the query asks for these
    assert list(row.model_dump()) == [*(column.name for column in RESULTS), *asked_for]


def test_names_are_unique_and_what_is_shown_is_in_the_results():
    names, exported = [column.name for column in COLUMNS], [column.exported for column in EXPORTED]
    assert len(set(names)) == len(names)
    assert len(set(exported)) == len(exported)
    assert [column.name for column in EXPORTED if column.judge is not None] == ["unit"]
    assert {*shown_at(Place.PAGE), *shown_at(Place.TERMINAL)} <= {*RESULTS}


def test_the_server_is_asked_for_the_columns_that_are_held():
    asked: list[Any] = [expression["$ifNull"][0] for expression in _row_expressions((), ())]
    plain = [column for column in HELD if column.path]
    assert [f"${column.path}" for column in plain] == [item["$ifNull"][0] for item in asked if "$ifNull" in item]
    assert len(asked) == len(HELD)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("lost", "incident", True),
        ("lost", "reason", "walltime: after 60 s"),
        ("failed", "code", "walltime"),
        ("done otherwise", "code", "done_otherwise"),
        ("done otherwise", "cost", 0.0),
        ("predicted", "predicted", True),
        ("proposed", "changed_at", 1767225600000),
    ],
)
def test_columns_that_are_computed(kind, name, value):
    (column,) = (column for column in COLUMNS if column.name == name)
    assert column.value(EVALUATIONS[kind], SPEC) == value
