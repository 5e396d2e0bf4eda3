"""Results of stored campaigns that a new campaign may adopt, frozen by content when it is created."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from tansaku.models.domain.absurd_values import believable
from tansaku.models.domain.adoption import ADOPTED, Origin
from tansaku.models.domain.errors import (
    CalculationError,
    ConfigurationError,
    MissingComponentError,
    NotFoundError,
    StoreError,
    TransientError,
)
from tansaku.models.domain.identifiers import canonical_json, short_hash
from tansaku.models.domain.levels import check_level
from tansaku.models.domain.ports import ArtifactStore, CampaignStore
from tansaku.models.domain.records import CampaignRecord, Evaluation, Event, JsonDict, Outcome, Record
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.reuse.keys import computation_key, computing_plugins, only_energy, structure_key
from tansaku.tasks.views.overview import stored_spec

CONTENT_TYPE = "application/json"

REUSED = "reuse.frozen"
"""Kind of the event with the number of results that a campaign may adopt."""


class Known(Record):
    """One result that may be adopted.

    Attributes:
        origin: Where it was computed.
        outcome: As it was accepted there.
    """

    origin: Origin
    outcome: Outcome


Kept = TypeAdapter(dict[str, Known])
"""Results by the key of their structure."""


@dataclass
class Frozen:
    """Results found for a new campaign.

    Attributes:
        results: By the key of their structure; of several results of one structure the first one computed.
        campaigns: How many of them each campaign gave.
        left_out: Campaigns that compute the same but cannot be read or opened here, and why.
    """

    results: dict[str, Known] = field(default_factory=dict)
    campaigns: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def find_results(spec: CampaignSpec, store: CampaignStore) -> Frozen:
    """Collects the results that a new campaign may adopt, beginning with the oldest campaign.

    Args:
        spec: The new campaign.
        store: Its creator may read all campaigns of it: this is the command line, with the rights of the database, or the
            process that creates a campaign for the dashboard, which holds only what its author may read.
    """
    wanted, frozen = computation_key(spec), Frozen()
    for record in others_of(spec.name, store, frozen.left_out):
        try:
            found = dict(_results(record, wanted, store))
        except TransientError:
            raise
        except (StoreError, ConfigurationError, MissingComponentError) as error:
            frozen.left_out[record.name] = error.message
            continue
        new = {key: known for key, known in found.items() if key not in frozen.results}
        frozen.results |= new
        if new:
            frozen.campaigns[record.name] = len(new)
    return frozen


def others_of(name: str, store: CampaignStore, left_out: dict[str, str]) -> list[CampaignRecord]:
    """The other campaigns that are stored, the oldest first, without those that are being deleted or renamed.

    Args:
        name: Of the new campaign.
        store: Holds them.
        left_out: Gets those that cannot be read, and why.
    """
    records = []
    for stored in store.campaign_names():
        try:
            records.append(store.campaign(stored))
        except NotFoundError:
            continue  # deleted meanwhile
        except StoreError as error:
            left_out[stored] = error.message
    others = (record for record in records if record.name != name and not record.deleting and record.renaming is None)
    return sorted(others, key=lambda record: (record.created_at, record.name))


def computes_the_same(spec: CampaignSpec, wanted: str) -> bool:
    """Returns whether the jobs of a campaign compute what another one wants, given by its computation key."""
    return not spec.manual and spec.calculator is not None and computation_key(spec) == wanted


def _results(record: CampaignRecord, wanted: str, store: CampaignStore) -> Iterator[tuple[str, Known]]:
    """Results of a campaign that computes the same, by the key of their structure."""
    spec = stored_spec(record)
    if spec.calculator is None or not computes_the_same(spec, wanted):
        return
    space = open_space(spec.space, Path(record.base_path))
    calculator, seen = spec.calculator.model_dump(mode="json"), set[str]()
    plugins = computing_plugins(spec)
    for evaluation in store.evaluations(record.name):
        outcome = evaluation.outcome
        if outcome is None or not is_own(evaluation) or believable(outcome, spec.objective, spec.space) is not outcome:
            continue
        if outcome.provenance is not None:
            if not plugins <= set(outcome.provenance.plugins):
                continue  # another version of a plug-in computed it
            check_level(calculator, outcome.provenance, f"proposal {evaluation.proposal.number} of {record.name}")
        try:
            key = structure_key(space.structure(evaluation.proposal.candidate), with_info=not only_energy(spec))
        except (CalculationError, NotFoundError):
            continue
        if key not in seen:
            seen.add(key)
            yield key, Known(origin=_origin(record, evaluation), outcome=outcome)


def is_own(evaluation: Evaluation) -> bool:
    """Returns whether a job of this database computed the value of a search: no import and no prediction did."""
    attempt, outcome = evaluation.current_attempt, evaluation.outcome
    return (
        evaluation.state is EvaluationState.DONE
        and evaluation.proposal.purpose == "search"
        and outcome is not None
        and outcome.value is not None
        and outcome.predicted_by is None
        and ADOPTED not in outcome.properties
        and attempt is not None
        and attempt.handle is not None  # an import has none
    )


def _origin(record: CampaignRecord, evaluation: Evaluation) -> Origin:
    proposal = evaluation.proposal
    return Origin(
        campaign=record.name,
        created_at=record.created_at,
        number=proposal.number,
        candidate=proposal.candidate,
        core_seconds=None if evaluation.outcome is None else evaluation.outcome.core_seconds,
    )


def keep_results(artifacts: ArtifactStore, frozen: Frozen) -> str:
    """Stores what may be adopted; returns its content hash."""
    text = canonical_json({key: frozen.results[key].model_dump(mode="json") for key in sorted(frozen.results)})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.json"
        path.write_text(text, encoding="ascii")
        return artifacts.put(path, content_type=CONTENT_TYPE)


def kept_results(artifacts: ArtifactStore, sha256: str) -> dict[str, Known]:
    """Reads what may be adopted. Raises NotFoundError."""
    with artifacts.open(sha256) as stream:
        return Kept.validate_json(stream.read())


def note_reuse(store: CampaignStore, known: CampaignRecord, data: JsonDict) -> None:
    """Records in the audit which results the campaign may adopt, and which campaigns could not be read."""
    store.append_event(
        Event(id=short_hash([known.name, REUSED]), campaign=known.name, kind=REUSED, at=known.created_at, data=data)
    )
