"""The driver's part of a retrain: begin it at numbers that follow from the results alone, poll its job, store its end.

A retrain belongs to a proposal number. What it learns from, all computed results up to that proposal's horizon, is stored under
the hash of its content before training begins, and how it ended before the first proposal that could use it. In between there
is a job, which may be killed and found again like any other; it gives the same weights each time.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tansaku.models.domain.errors import ConfigurationError, FitError, MissingComponentError, NotFoundError
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.model_registry import DatasetRecord, Errors, ModelRecord
from tansaku.models.domain.ports import JobRequest, JobResult
from tansaku.models.domain.records import Event, Failure, JsonDict
from tansaku.models.domain.retraining import Retrain, RetrainEnd, describe_target, ended
from tansaku.models.domain.specs.dataset import DatasetSpec, ObservedSourceSpec
from tansaku.models.domain.specs.retrain import RetrainSpec
from tansaku.models.domain.states import FailureKind, JobState, StopReason
from tansaku.models.domain.surrogates import TrainingRun
from tansaku.models.surrogates.files import FileCheckpoints, read_weights
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.loop.datasets.building import Kept, gather, keep_dataset, sources_of
from tansaku.tasks.loop.ledger.context import StepContext, log_event
from tansaku.tasks.loop.ledger.rounds import PERMANENT, Plan
from tansaku.tasks.loop.ledger.summaries import EvaluationSummary
from tansaku.tasks.loop.retraining.definition import (
    REPORTED_FAILURE,
    dataset_of,
    failure_event_id,
    model_spec,
    predecessor,
    retrain_spec,
    split_rule,
)
from tansaku.tasks.loop.retraining.due import computed_up_to, retrain_due
from tansaku.tasks.loop.retraining.files import training_document
from tansaku.tasks.loop.training.versions import Made, Place, checkpoint_name, find_model, read_dataset, store_version
from tansaku.tasks.node.jobs.document import REPORT_FILE, STRUCTURE_FILE, WEIGHTS_FILE
from tansaku.tasks.node.jobs.fitting import beginning, fit_and_judge, learned_from
from tansaku.tasks.node.jobs.splitting import side_of

RETRAIN_FAILED = "warning.retrain"
"""Kind of the events that record why a training produced no version."""

TARGET = "target"
"""Kind of the events that record the distance of a new version from the target."""

NOT_NEEDED = "the search ended first"


def ready_for(context: StepContext, plan: Plan) -> bool:
    """Begins the retrain that is due at a plan's number, if one is.

    Returns:
        False while the proposal must wait for a training.
    """
    ledger, spec = context.ledger, context.ledger.spec.retrain
    if spec is None:
        return True
    last = ledger.retrains[-1][0] if ledger.retrains else None
    ordered = context.rules.ordered
    # In ordered mode not by whether it has ended, which is a matter of time.
    under_way = ledger.training is not None or (ordered and last is not None and plan.number < last.uses_from)
    if not under_way:
        reason = retrain_due(ledger, spec, plan)
        if reason is not None:
            _begin(context, spec, plan, reason)
    training = ledger.training
    if training is None or not ordered or plan.number < training.uses_from:
        return True
    advance_training(context)
    return ledger.training is None


def trained_at_end(context: StepContext, reason: StopReason) -> bool:
    """Begins the training on all results that a search may end with.

    Args:
        reason: Why nothing more is proposed.

    Returns:
        False while it, or a result that it learns from, is still to come.
    """
    ledger, spec = context.ledger, context.ledger.spec.retrain
    if spec is None or not spec.at_end or reason not in (StopReason.BUDGET, StopReason.EVALUATIONS, StopReason.EXHAUSTED):
        return True
    number = ledger.last_number + 1
    if ledger.training is not None or not ledger.search.is_known(number - 1):
        return False
    computed = len(computed_up_to(ledger, number - 1))
    if computed < max(spec.first, ledger.retrains[-1][0].observations + 1 if ledger.retrains else 0):
        return True
    _begin(context, spec, Plan(number, number - 1, ledger.search.history(number - 1), None), "end")
    return ledger.training is None


def advance_training(context: StepContext) -> bool:
    """Polls the current training once: submits its job, or stores how it ended.

    Returns:
        Whether something came of it.

    Raises:
        TransientError: Store or backend did not answer; calling again is safe.
    """
    training = context.ledger.training
    if training is None:
        return False
    if context.workshop.by_service:
        return _look_at_registry(context, training)
    name = job_name_of(context, training)
    handle = context.ledger.training_handle or context.launcher.find(name)
    if handle is None:
        document = training_document(context, training)
        timeout = retrain_spec(context.ledger.spec).timeout
        request = JobRequest(name=name, token=name, document=document.model_dump(mode="json"), timeout=timeout)
        context.ledger.training_handle = context.launcher.submit(request)
        return True
    context.ledger.training_handle = handle
    status = context.launcher.poll([handle])[0]
    if status.state is JobState.FINISHED:
        _take(context, training, handle)
        return True
    if status.state is JobState.LOST:
        failure = Failure(kind=FailureKind.PLUMBING, reason=status.reason or "lost", message=status.message)
        _give_up(context, training, handle, failure)
        return True
    return False


def abandon_training(context: StepContext) -> None:
    """Ends a training that is no longer needed."""
    training = context.ledger.training
    if training is None:
        return
    if not context.workshop.by_service:
        handle = context.ledger.training_handle or context.launcher.find(job_name_of(context, training))
        if handle is not None:
            context.launcher.cancel(handle)
            context.launcher.discard(handle)
    _end(context, training, ok=False, message=NOT_NEEDED)


def tidy_trainings(context: StepContext) -> None:
    """Forgets jobs of the last training that ended, which a killed driver may have left behind."""
    ended = [begun for begun, end in context.ledger.retrains if end is not None]
    if not ended or context.workshop.by_service:
        return
    for attempt in range(1, context.ledger.spec.execution.retries + 2):
        handle = context.launcher.find(_job_name(context, ended[-1], attempt))
        if handle is not None:
            context.launcher.discard(handle)


def job_name_of(context: StepContext, training: Retrain) -> str:
    """Name of the job of a training's present attempt."""
    return _job_name(context, training, context.ledger.training_attempt)


def _begin(context: StepContext, spec: RetrainSpec, plan: Plan, reason: str) -> None:
    """Stores what a retrain learns from, and then the retrain; one that has nothing to learn from ends at once."""
    ledger = context.ledger
    learned, model = computed_up_to(ledger, plan.horizon), _model_of(context, spec)
    dataset, problem = "", ""
    try:
        dataset = _store_dataset(context, spec, plan, learned).sha256
    except ConfigurationError as error:
        problem = error.message
    retrain = Retrain.model_validate(
        {
            "campaign": context.lease.campaign,
            "number": len(ledger.retrains) + 1,
            "at_proposal": plan.number,
            "horizon": plan.horizon,
            "uses_from": plan.number + (0 if reason == "end" else spec.lag),
            "model": model,
            "dataset": dataset,
            "observations": len(learned),
            "reason": reason,
            "begun_at": datetime.now(UTC),
        }
    )
    ledger.note_retrain(context.store.insert_retrain(context.lease, retrain))
    context.observer.on_retrain(retrain, None)
    if not dataset:
        _end(context, retrain, ok=False, message=problem)


def _model_of(context: StepContext, spec: RetrainSpec) -> str:
    """Name of the campaign's models; it stays what it was when the campaign gets another name, so that versions continue."""
    earlier = context.ledger.retrains
    return earlier[-1][0].model if earlier else spec.model or context.name


def _store_dataset(context: StepContext, spec: RetrainSpec, plan: Plan, learned: list[EvaluationSummary]) -> DatasetRecord:
    stored = [
        item
        for item in context.store.numbered(context.name, [known.number for known in learned])
        if item.outcome is not None
        and (sha256 := item.outcome.artifacts.get(STRUCTURE_FILE))
        and context.artifacts.exists(sha256)
    ]
    examples = gather(stored, context.artifacts, spec.group)
    learned_from(examples, spec.learns)
    source = ObservedSourceSpec(campaign=context.name, horizon=plan.horizon)
    split = split_rule(spec, {example.group for example in examples})
    name, seed = _model_of(context, spec), context.ledger.spec.seed
    named = DatasetSpec(schema_version=1, name=name, seed=seed, source=source, split=split)
    cost = sum(item.measured_cost or 0.0 for item in stored)
    return keep_dataset(context.workshop.registry, context.artifacts, examples, Kept(named, sources_of(stored), cost=cost))


def _take(context: StepContext, training: Retrain, handle: JsonDict) -> None:
    try:
        result = context.launcher.fetch(handle)
    except NotFoundError as error:
        _give_up(context, training, handle, Failure(kind=FailureKind.PLUMBING, reason="no_result", message=str(error)))
        return
    failure = result.outcome.failure
    if failure is not None:
        _give_up(context, training, handle, failure)
        return
    version, better = _stored(context, training, result)
    _end_with(context, training, version, promoted=better)
    context.launcher.discard(handle)


def _stored(context: StepContext, training: Retrain, result: JobResult) -> tuple[ModelRecord, bool]:
    properties, registry = result.outcome.properties, context.workshop.registry
    made = Made(
        weights=result.folder / WEIGHTS_FILE,
        report=result.folder / REPORT_FILE,
        errors={
            side: {name: Errors.model_validate(item) for name, item in of.items()} for side, of in properties["errors"].items()
        },
        chosen=properties["chosen"],
        seconds=properties["seconds"],
        # Workers of older versions do not say where they computed.
        device=properties.get("device", context.workshop.device),
    )
    ledger = context.ledger
    dataset, spec = dataset_of(registry, training), model_spec(ledger.spec, training, ledger.retrains)
    examples = learned_from(read_dataset(context.artifacts, dataset), spec.learns)
    before = predecessor(registry, ledger.spec, ledger.retrains, training)
    place = Place(spec, dataset, side_of(examples, dataset.groups, "held_out"), before)
    return store_version(registry, context.artifacts, made, place)


def _look_at_registry(context: StepContext, training: Retrain) -> bool:
    """Returns whether the service's run has brought the version, or has said that there will be none."""
    failed = failure_event_id(training)
    failures = context.store.events(context.name, kind=REPORTED_FAILURE)
    reported = next((event for event in failures if event.id == failed), None)
    if reported is not None:
        _end(context, training, ok=False, message=str(reported.data["reason"]))
        return True
    versions = context.workshop.registry.models(training.model)
    found = next((version for version in versions if version.dataset == training.dataset), None)
    if found is None:
        return False
    _end_with(context, training, found, promoted=found.promoted_at is not None)
    return True


def _give_up(context: StepContext, training: Retrain, handle: JsonDict, failure: Failure) -> None:
    """Starts another attempt after an infrastructure failure; otherwise the retrain has failed and the campaign continues."""
    ledger = context.ledger
    again = failure.kind is FailureKind.PLUMBING and failure.reason not in PERMANENT
    if again and ledger.training_attempt <= ledger.spec.execution.retries:
        ledger.training_attempt += 1
        ledger.training_handle = None
    else:
        _end(context, training, ok=False, message=f"{failure.reason}: {failure.message}")
    context.launcher.discard(handle)


def _end_with(context: StepContext, training: Retrain, version: ModelRecord, *, promoted: bool) -> None:
    found = {"version": version.label, "weights": version.artifact, "promoted": promoted, "seconds": version.seconds}
    found["held_out"] = {name: item.model_dump(mode="json") for name, item in version.held_out.items()}
    _end(context, training, ok=True, message=version.note, **found)


def _end(context: StepContext, training: Retrain, *, ok: bool, message: str, **found: object) -> None:
    """Stores how a retrain ended; a failure is said in the audit first, so that a kill in between does not swallow it."""
    ledger = context.ledger
    if not ok:
        said = {"retrain": training.number, "at_proposal": training.at_proposal, "reason": message}
        log_event(context, RETRAIN_FAILED, [training.number], said)
    # Free mode uses what is there when it is there.
    uses_from = training.uses_from if context.rules.ordered else ledger.last_number + 1
    end = RetrainEnd.model_validate(
        {
            "campaign": context.lease.campaign,
            "number": training.number,
            "uses_from": uses_from,
            "ok": ok,
            "message": message,
            "ended_at": datetime.now(UTC),
            **found,
        }
    )
    if ok:
        _say_target(context, training, end)
    stored = context.store.end_retrain(context.lease, end)
    ledger.note_retrain_end(stored)
    context.observer.on_retrain(training, stored)


def _say_target(context: StepContext, training: Retrain, end: RetrainEnd) -> None:
    """Says in the audit how far a new version is from the target; before its end is stored, as a failure is."""
    ledger = context.ledger
    target = retrain_spec(ledger.spec).target
    if target is None:
        return
    stands = describe_target(target, [*ended(ledger.retrains), end])
    log_event(context, TARGET, [training.number], {"retrain": training.number, "version": end.version, "stands": stands})


def _job_name(context: StepContext, training: Retrain, attempt: int) -> str:
    return f"train-{short_hash([context.lease.campaign, 'retrain', training.number, training.dataset, attempt])}"


def train_for(resources: Resources, name: str, number: int) -> ModelRecord | None:
    """Trains for a campaign's retrain, in this process; its driver finds the version in the registry.

    If killed, the same call continues from the last checkpoint. A failed training is recorded in the audit log, where the
    driver reads it.

    Args:
        resources: Store, artifacts and registry.

    Returns:
        The version; None if the retrain had already ended, or failed.

    Raises:
        NotFoundError: There is no such campaign or retrain.
    """
    store, registry = resources.store, resources.registry
    spec, retrains = stored_spec(store.campaign(name)), store.retrains(name)
    training, end = next((pair for pair in retrains if pair[0].number == number), (None, None))
    if training is None:
        raise NotFoundError(f"campaign {name!r} has no retrain {number}")
    if end is not None:
        return None
    model = model_spec(spec, training, retrains)
    checkpoints = FileCheckpoints(resources.settings.home / "training" / checkpoint_name(model))
    try:
        dataset = dataset_of(registry, training)
        examples = learned_from(read_dataset(resources.artifacts, dataset), model.learns)
        start = None
        if model.start is not None:
            with tempfile.TemporaryDirectory() as folder:
                artifact = find_model(registry, model.start).artifact
                weights = read_weights(resources.artifacts.get(artifact, Path(folder, "weights.safetensors")))
            start = beginning(weights, side_of(examples, dataset.groups, "training"))
        run = TrainingRun(device=resources.site.training.device, checkpoints=checkpoints, start=start)
        calibrate = spec.retrain is not None and bool(spec.retrain.calibrate)
        fitted = fit_and_judge(model, examples, dataset.groups, run, calibrate=calibrate)
    except (FitError, ConfigurationError, MissingComponentError) as error:
        _say_failed(resources, training, error.message)
        return None
    with tempfile.TemporaryDirectory() as folder:
        made = Made.of(fitted, Path(folder))
        before = predecessor(registry, spec, retrains, training)
        place = Place(model, dataset, side_of(examples, dataset.groups, "held_out"), before)
        record, _ = store_version(registry, resources.artifacts, made, place)
    checkpoints.clear()
    return record


def _say_failed(resources: Resources, training: Retrain, reason: str) -> None:
    resources.store.append_event(
        Event(
            id=failure_event_id(training),
            campaign=training.campaign,
            kind=REPORTED_FAILURE,
            at=datetime.now(UTC),
            data={"retrain": training.number, "reason": reason},
        )
    )
