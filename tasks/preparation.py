"""Before a campaign is driven: create it, or find it and compare what the file says now with what is stored."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime

from tansaku import __version__
from tansaku.models.domain.errors import ConfigurationError, NotFoundError, SpecChangedError
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import CampaignRecord, Command, Event, JsonDict
from tansaku.models.domain.specs.calculator import workflow_of
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.proposer import DisagreementProposerSpec, GPProposerSpec, ListedProposerSpec
from tansaku.models.domain.specs.surrogate import ModelSpec, needed_fields
from tansaku.models.engine.registry import build_proposer, build_transfer_proposer
from tansaku.models.engine.transfer.data import FrozenSources
from tansaku.models.surrogates.files import check_files
from tansaku.models.surrogates.registry import build_trainer
from tansaku.spaces.registry import open_space
from tansaku.tasks.configuration import Difference, LoadedCampaign, diff_specs, spec_hash
from tansaku.tasks.datasets.files import check_hdf5
from tansaku.tasks.resources import Resources
from tansaku.tasks.stores.campaigns import refuse_deleted
from tansaku.tasks.training.retraining import sides_of_pool
from tansaku.tasks.training.training import find_model
from tansaku.tasks.transfer.levels import note_levels
from tansaku.tasks.transfer.sources import Target, freeze, with_known_hashes
from tansaku.tasks.workflow_checks import check_phases

FILE_EDIT = "file-"
"""Prefix of the ids of edits that a changed campaign file gave; others come from the command line."""


def prepare_campaign(resources: Resources, loaded: LoadedCampaign) -> CampaignRecord:
    """Creates the campaign of a file, or finds the known one of its name; spends nothing.

    What the file says is compared with what it said last. Allowed edits are stored as an edit command, which the driver
    applies and logs; an edit made on the command line since stays unless the file changed the same key.

    Raises:
        StoreError: The campaign is being deleted.
        SpecChangedError: The file differs from the known campaign in more than allowed edits; has one line per key.
        ConfigurationError: A source of its transfer is unknown, empty, or does not fit, or its kernel names a feature group
            that the space lacks.
        TransientError: The database did not answer.
    """
    _refuse_misfits(resources.store, loaded)
    spec = _with_look(resources, _with_sources(resources, loaded))
    fresh = CampaignRecord(
        name=spec.name,
        spec=spec.model_dump(mode="json"),
        spec_hash=spec_hash(spec),
        base_path=str(loaded.base_path),
        tansaku_version=__version__,
        created_at=datetime.now(UTC),
    )
    known = resources.store.create_campaign(fresh)
    refuse_deleted(known)
    _warn_of_version(resources.store, known)
    note_levels(resources.store, known)
    differences = diff_specs(CampaignSpec.model_validate(known.spec), spec)
    refused = [one for one in differences if not one.editable]
    if refused:
        lines = "\n".join(f"  {one}" for one in refused)
        raise SpecChangedError(
            f"campaign {spec.name!r} is known with another spec:\n{lines}",
            hint="give the changed search a name of its own; only budget, in_flight, timeout and retries may change",
        )
    edits = {one.key: one.new for one in differences if one.new != _said_before(resources.store, known, one)}
    if edits:
        resources.store.add_command(spec.name, _file_edit(known, edits))
    return resources.store.campaign(spec.name)


def _refuse_misfits(store: CampaignStore, loaded: LoadedCampaign) -> None:
    """Compares proposer, division and workflow with the pool before the name is taken by a campaign that could never run.

    Of a Gaussian process kernel, mean and initial design, of a list its candidates, of groups held out that there are some, of
    competing phases that they can be compared with.
    """
    spec, proposer = loaded.spec, loaded.spec.proposer
    workflow = workflow_of(spec.calculator)
    compared = workflow is not None and workflow.phases is not None
    listed = proposer.candidates if isinstance(proposer, ListedProposerSpec) else ()
    chosen = isinstance(proposer, GPProposerSpec) and (
        (proposer.kernel, proposer.mean, proposer.initial_points) != (None, None, None)
    )
    by_name = spec.retrain is not None and not isinstance(spec.retrain.held_out, float)
    divided = by_name or isinstance(proposer, DisagreementProposerSpec)
    if not (listed or chosen or divided or compared):
        return
    try:
        store.campaign(spec.name)
    except NotFoundError:
        space = open_space(spec.space, loaded.base_path)
        pool = space.pool()
        pool.positions(listed)
        check_phases(spec, space, pool)
        if chosen:
            build_proposer(proposer).initial_count(pool)
        if divided:
            sides_of_pool(pool, spec)


def _with_sources(resources: Resources, loaded: LoadedCampaign) -> CampaignSpec:
    """The spec with the content of its transfer sources: what the known campaign has frozen, or what is there now."""
    spec = loaded.spec
    if spec.transfer is None:
        return spec
    try:
        known = CampaignSpec.model_validate(resources.store.campaign(spec.name).spec)
    except NotFoundError:
        pool = open_space(spec.space, loaded.base_path).pool()
        build_transfer_proposer(spec, spec.transfer.mode, FrozenSources([]))  # refuses a proposer that cannot learn
        return freeze(Target(spec, pool), loaded.base_path, resources.store, resources.artifacts)
    return with_known_hashes(spec, known)


def _with_look(resources: Resources, spec: CampaignSpec) -> CampaignSpec:
    """The spec with the version and weights that look first: those of the known campaign, or those promoted now.

    Raises:
        NotFoundError: No such model is stored.
        MissingComponentError: A package that training needs is not installed.
    """
    if spec.retrain is not None:
        check_hdf5()
        check_files()
        build_trainer(spec.retrain.surrogate).check()
    look = spec.first_look
    if look is None or look.model is None:
        return spec
    try:
        known = CampaignSpec.model_validate(resources.store.campaign(spec.name).spec).first_look
    except NotFoundError:
        known = None
    if known is not None and known.model is not None and look.model in (known.model, known.model.partition("@")[0]):
        frozen = {"model": known.model, "weights": known.weights}
    else:
        version = find_model(resources.registry, look.model)
        if version.learns != "label":
            raise ConfigurationError(
                f"first_look.model: {version.label} learned the energies of the calculator, expected label"
            )
        if fields := needed_fields(ModelSpec.model_validate(version.spec).surrogate):
            raise ConfigurationError(
                f"first_look.model: {version.label} sees the field {fields[0]}, which structures alone have not"
            )
        frozen = {"model": version.label, "weights": version.artifact}
    return spec.model_copy(update={"first_look": look.model_copy(update=frozen)})


def _said_before(store: CampaignStore, known: CampaignRecord, difference: Difference) -> object:
    """What the file said of a key when it was read last: its own last edit, else the value before any edit."""
    for command in reversed(known.commands):
        if command.kind == "edit" and command.id.startswith(FILE_EDIT) and difference.key in command.payload:
            return command.payload[difference.key]
    for event in store.events(known.name):
        if event.kind == "edited":
            for change in event.data["changes"]:
                if change["key"] == difference.key:
                    return change["old"]
    return difference.old


def _file_edit(known: CampaignRecord, edits: JsonDict) -> Command:
    return Command(
        id=f"{FILE_EDIT}{short_hash([known.name, len(known.commands), edits])}",
        kind="edit",
        payload=edits,
        user=getpass.getuser(),
        created_at=datetime.now(UTC),
    )


def _warn_of_version(store: CampaignStore, known: CampaignRecord) -> None:
    if known.tansaku_version == __version__:
        return
    event = Event(
        id=short_hash([known.name, "version", __version__]),
        campaign=known.name,
        kind="warning.version",
        at=datetime.now(UTC),
        data={"created_by": known.tansaku_version, "resumed_by": __version__},
    )
    store.append_event(event)
