"""Records of a campaign under another name: pure functions shared by all stores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from tansaku.models.domain.adoption import ADOPTED, adopted_from
from tansaku.models.domain.identifiers import evaluation_id, job_name, short_hash
from tansaku.models.domain.records import Attempt, CampaignRecord, Evaluation, Event, JsonDict, Outcome, Record
from tansaku.tasks.backends.stores.renamed_models import names_models, with_label

StepT = TypeVar("StepT", bound=Record)

_HEADS = {
    "lease.acquired": "lease",
    "command.applied": "applied",
    "warning.version": "version",
}
"""First words of ids of events that are not their kind."""

_TAILS: dict[str, tuple[str, ...]] = {
    "lease.acquired": ("epoch",),
    "command.applied": ("command",),
    "edited": ("command",),
    "edit-refused": ("command",),
    "warning.refit": ("refit",),
    "warning.version": ("resumed_by",),
    "warning.plugins": ("now",),
    "reuse.frozen": (),
    "certificate": ("number", "horizon", "searched", "within"),
}
"""Data of events from which their ids are made, after the campaign's name and the first word."""


Labels = Mapping[str, str] | None
"""New labels of the models that follow a campaign by their old ones; None: its models have a name of their own and keep it."""


def renamed_labels(ends: Iterable[JsonDict], renamed: CampaignRecord, old: str) -> dict[str, str] | None:
    """Labels of the models that follow a campaign to its new name, and what they become; None where models keep their name.

    Args:
        ends: How its trainings ended, as they are stored.
        renamed: The campaign under its new name.
        old: Its name.
    """
    if not names_models(renamed.spec):
        return None
    labels = {str(end.get("version") or "") for end in ends}
    return {label: with_label(label, renamed.name) for label in sorted(labels) if label.partition("@")[0] == old}


def renamed_evaluation(evaluation: Evaluation, new: str, labels: Labels = None) -> Evaluation:
    """Returns an evaluation as it would be stored under another name of its campaign.

    Its jobs are over or wait for people: they are known by the names that they would have now.

    Args:
        evaluation: As stored.
        new: The new name.
        labels: Of the models that follow it.
    """
    proposal = evaluation.proposal
    identifier = evaluation_id(new, proposal.candidate, proposal.source, proposal.replicate)
    attempts = tuple(_renamed_attempt(attempt, new, identifier, labels) for attempt in evaluation.attempts)
    look = proposal.look
    if look is not None and labels and look.model in labels:
        proposal = proposal.model_copy(update={"look": look.model_copy(update={"model": labels[look.model]})})
    outcome = _relabelled(evaluation.outcome, labels)
    update = {"id": identifier, "campaign": new, "attempts": attempts, "proposal": proposal, "outcome": outcome}
    return evaluation.model_copy(update=update)


def _renamed_attempt(attempt: Attempt, new: str, evaluation: str, labels: Labels) -> Attempt:
    name = job_name(new, evaluation, attempt.number)
    handle = attempt.handle
    if handle is not None:
        handle = {key: name if value == attempt.job_name else value for key, value in handle.items()}
    outcomes = {key: _relabelled(getattr(attempt, key), labels) for key in ("late_outcome", "superseded")}
    return attempt.model_copy(update={"job_name": name, "handle": handle, **outcomes})


def _relabelled(outcome: Outcome | None, labels: Labels) -> Outcome | None:
    """Returns an outcome with the present labels of the models that predicted it; its provenance stays what it was."""
    if outcome is None or not labels:
        return outcome
    properties = {key: labels.get(value, value) if key == "first_look" else value for key, value in outcome.properties.items()}
    by = outcome.predicted_by
    return outcome.model_copy(update={"properties": properties, "predicted_by": labels.get(by, by) if by else by})


def renamed_step(document: JsonDict, old: str, new: str, labels: Labels) -> JsonDict:
    """Returns the fields of a stored refit or training that change with the campaign's name.

    Args:
        document: As stored.
        old: The name of the campaign.
        new: Its new name.
        labels: Of the models that follow it.
    """
    changes: JsonDict = {"campaign": new}
    if labels is not None and document.get("model") == old:
        changes["model"] = new
    if labels and document.get("version") in labels:
        changes["version"] = labels[document["version"]]
    return changes


def renamed_event(event: Event, new: str, ids: Mapping[str, str]) -> Event:
    """Returns an event of the audit as it would be stored under another name of its campaign.

    Args:
        event: As stored.
        new: The new name.
        ids: New ids of evaluations and labels of models by their old ones.
    """
    data: JsonDict = {key: ids.get(value, value) if isinstance(value, str) else value for key, value in event.data.items()}
    renamed = event.model_copy(update={"campaign": new, "data": data})
    return renamed.model_copy(update={"id": _renamed_id(event, renamed)})


def renamed_events(events: Iterable[Event], new: str, ids: Mapping[str, str]) -> dict[str, Event]:
    """Returns events as :func:`renamed_event`, by id."""
    return {renamed.id: renamed for renamed in (renamed_event(event, new, ids) for event in events)}


def _renamed_id(event: Event, renamed: Event) -> str:
    """Returns the id that a repeat of the event would have, so that nothing is logged twice."""
    for old, new in zip(_keys(event), _keys(renamed), strict=True):
        if short_hash(old) == event.id:
            return short_hash(new)
    return short_hash([renamed.campaign, "renamed", event.id])


def _keys(event: Event) -> list[list[object]]:
    """Returns what the id of an event may be made of."""
    data, kind = event.data, event.kind
    head = _HEADS.get(kind, kind)
    keys: list[list[object]] = [[event.campaign, head, *(data.get(name) for name in _TAILS.get(kind, ()))]]
    if kind.startswith("command."):
        keys.append([event.campaign, "command", data.get("command")])
    if kind.startswith("transfer."):
        keys.append([event.campaign, "transfer", data.get("refit")])
    if kind.startswith("evaluation."):
        state = kind.removeprefix("evaluation.").upper()
        keys.append([data.get("evaluation"), data.get("attempt"), state])
    keys += [[event.campaign, kind, data.get(name)] for name in ("retrain", "number")]
    return keys


def step_id(campaign: str, document: Mapping[str, object]) -> str:
    """Returns the id under which a refit, a retrain or its end is stored."""
    kind = document.get("kind")
    word = "refit" if "hyperparameters" in document else "retrain" if kind == "begun" else "retrain-end"
    return short_hash([campaign, word, document["number"]])


def move_steps(steps: dict[str, dict[int, StepT]], old: str, new: str, labels: Labels = None) -> None:
    """Gives numbered records of a campaign its new name.

    Args:
        steps: By campaign and number; changed in place.
        old: Its name.
        new: Its new name.
        labels: Of the models that follow it.
    """
    for number, step in steps.pop(old, {}).items():
        steps[new][number] = step.model_copy(update=renamed_step(step.model_dump(), old, new, labels))


def readopted(evaluations: Iterable[Evaluation], old: str, renamed: CampaignRecord) -> list[Evaluation]:
    """Returns evaluations that adopted a result of a renamed campaign, with its new name.

    Args:
        evaluations: Of all campaigns.
        old: Its name.
        renamed: The campaign under its new name.
    """
    found = []
    for evaluation in evaluations:
        origin, outcome = adopted_from(evaluation), evaluation.outcome
        if origin is not None and outcome is not None and (origin.campaign, origin.created_at) == (old, renamed.created_at):
            named = {ADOPTED: origin.model_copy(update={"campaign": renamed.name}).model_dump(mode="json")}
            changed = outcome.model_copy(update={"properties": outcome.properties | named})
            found.append(evaluation.model_copy(update={"outcome": changed}))
    return found
