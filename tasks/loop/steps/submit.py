"""Submit: write the attempt ahead, look its job up by name, submit it if absent, record the handle."""

from __future__ import annotations

import secrets

from tansaku.models.domain.adoption import Known
from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.identifiers import job_name
from tansaku.models.domain.ports import JobRequest
from tansaku.models.domain.records import SEARCHED, Evaluation, Proposal
from tansaku.models.domain.specs.space import SpaceSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.loop.ledger.context import StepContext
from tansaku.tasks.loop.retraining.files import weights_file
from tansaku.tasks.node.configuration.references import space_with
from tansaku.tasks.node.configuration.source import polish_relaxation
from tansaku.tasks.node.jobs.document import OWN_LATTICE_PARAMETER, STRUCTURE_FILE, JobDocument, LookDocument

UNSUBMITTED = (EvaluationState.PROPOSED, EvaluationState.SUBMITTING, EvaluationState.LOST)
"""States in which an evaluation waits for :func:`submit`."""


def submit(context: StepContext, evaluation: Evaluation) -> Evaluation:
    """Brings a PROPOSED, SUBMITTING or LOST evaluation (or one that a user wants tried again) to SUBMITTED.

    One whose result is adopted from another campaign becomes DONE instead.

    A resume in SUBMITTING uses the stored token; every other state begins the next attempt.

    Raises:
        TransientError: Store or backend did not answer; calling again is safe.
    """
    in_submission = evaluation.state is EvaluationState.SUBMITTING
    begun = evaluation if in_submission else begin(context, evaluation.id, len(evaluation.attempts))
    attempt = begun.current_attempt
    if attempt is None:
        raise StoreError(f"evaluation {begun.id}: state {begun.state}, but it has no attempt")
    if (ended := _adopted(context, begun, attempt.token)) is not None:
        return ended
    handle = context.launcher.find(attempt.job_name)
    if handle is None:
        request = JobRequest(
            name=attempt.job_name,
            token=attempt.token,
            document=job_document(context, begun).model_dump(mode="json"),
            timeout=context.ledger.spec.execution.timeout,
            cost=max(0.0, begun.proposal.predicted_cost),
        )
        handle = context.launcher.submit(request)
    submitted = context.store.record_handle(context.lease, begun.id, attempt.token, handle)
    context.ledger.note(submitted)
    return submitted


def begin(context: StepContext, evaluation: str, attempts: int) -> Evaluation:
    """Begins the next attempt of an evaluation that has had some: SUBMITTING, with a token of its own."""
    number = attempts + 1
    name = job_name(context.lease.campaign, evaluation, number)
    begun = context.store.begin_attempt(context.lease, evaluation, number, secrets.token_hex(16), name)
    context.ledger.note(begun)
    return begun


def job_document(context: StepContext, evaluation: Evaluation) -> JobDocument:
    """Returns the document of an evaluation; a final relaxation, or one that continues a look, starts from its structure.

    Raises:
        TransientError: The artifact store did not answer.
    """
    spec, proposal = context.ledger.spec, evaluation.proposal
    polishes, element = proposal.purpose == "polish", proposal.purpose == "reference"
    looked = None if proposal.level is None else spec.level(proposal.level)
    return JobDocument(
        campaign=context.name,
        candidate=proposal.candidate,
        reference=proposal.candidate if element else None,
        space=_space(context) if looked is None else _space(context).at_level(looked.column),
        calculator=spec.calculator if looked is None else looked.calculator,
        label=None if element else spec.label,
        look=_look(context, evaluation),
        objective=spec.objective,
        relaxation=polish_relaxation(spec) if polishes else None,
        start=_start(context, proposal),
        thicknesses=spec.space.thicknesses if polishes else (),
        base_path=context.ledger.record.base_path,
    )


def _space(context: StepContext) -> SpaceSpec:
    """Returns the space, with energies of elements and the calculator's own lattice parameter once jobs have given them."""
    space = context.ledger.spec.space
    space = space if context.energies is None else space_with(space, context.energies)
    crystal = space.reference_crystal
    if crystal is None or crystal.own_lattice_parameter is not None:
        return space
    for evaluation in context.ledger.evaluations.values():
        if (own := evaluation.own_lattice_parameter) is not None:
            found = tuple(own) if isinstance(own, list) else own
            return space.with_crystal(crystal.model_copy(update={OWN_LATTICE_PARAMETER: found}))
    return space


def _look(context: StepContext, evaluation: Evaluation) -> LookDocument | None:
    """Returns the surrogate pre-screening of a proposal, with its weights in a folder that workers can read."""
    look = evaluation.proposal.look
    if look is None:
        return None
    file = weights_file(context, look.weights)
    return LookDocument(model=look.model, file=str(file), sha256=look.weights, bound=look.bound, deviations=look.deviations)


def _start(context: StepContext, proposal: Proposal) -> str | None:
    """The relaxed structure of an earlier evaluation of a candidate with which a proposal begins.

    None where there is none, or it is not stored: imports bring numbers alone.
    """
    if proposal.purpose != "polish" and proposal.resumes is None:
        return None
    sign = 1.0 if context.ledger.spec.objective.direction == "minimize" else -1.0
    valued = [
        (sign * evaluation.value, number)
        for number, evaluation in context.ledger.evaluations.items()
        if evaluation.purpose in SEARCHED
        and (evaluation.candidate, evaluation.level) == (proposal.candidate, proposal.resumes)
        and evaluation.value is not None
        and number < proposal.number
    ]
    best = context.store.numbered(context.name, [min(valued)[1]]) if valued else []
    sha256 = best[0].outcome.artifacts.get(STRUCTURE_FILE) if best and best[0].outcome is not None else None
    if sha256 is None or not context.artifacts.exists(sha256):
        return None
    with context.artifacts.open(sha256) as stream:
        return stream.read().decode("utf-8")


def _adoptable(context: StepContext, proposal: Proposal) -> Known | None:
    """The result that a proposal adopts; None where it is to be computed: final relaxations and repeats always are."""
    if context.known is None or proposal.purpose != "search" or proposal.replicate:
        return None
    return context.known.find(proposal.candidate)


def priced_for_adoption(context: StepContext, proposal: Proposal) -> Proposal:
    """The proposal as it is committed: an adopted result costs nothing and needs no pre-screening."""
    if _adoptable(context, proposal) is None:
        return proposal
    return proposal.model_copy(update={"predicted_cost": 0.0, "look": None})


def _adopted(context: StepContext, evaluation: Evaluation, attempt: str) -> Evaluation | None:
    """Ends an evaluation that has begun with the result that it adopts; None where it is to be computed."""
    known = _adoptable(context, evaluation.proposal) if len(evaluation.attempts) == 1 else None
    if known is None or context.known is None:
        return None
    stored = context.store.accept_outcome(context.lease, evaluation.id, attempt, context.known.outcome_of(known))
    ended = stored if stored is not None else context.store.evaluation(evaluation.id)
    context.ledger.note(ended)
    context.observer.on_outcome(ended)
    return ended
