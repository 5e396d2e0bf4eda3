"""Preparation of a campaign: create it, or compare the file with the stored campaign."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tansaku import __version__
from tansaku.models.domain.authors import Actor
from tansaku.models.domain.errors import ConfigurationError, LeaseHeldError, NotFoundError, SpecChangedError
from tansaku.models.domain.identifiers import new_campaign_id, short_hash
from tansaku.models.domain.ports import CampaignStore, ScreenedSpace
from tansaku.models.domain.records import CampaignRecord, Command, Event, JsonDict
from tansaku.models.domain.specs.calculators.contract import workflow_of
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.limits import LimitsSpec
from tansaku.models.domain.specs.surrogate import ModelSpec
from tansaku.models.engine.proposer_registry import build_proposer, build_transfer_proposer
from tansaku.models.engine.transfer.data import FrozenSources
from tansaku.models.surrogates.files import check_files
from tansaku.models.surrogates.surrogate_registry import build_trainer
from tansaku.spaces.levels import searched_pool
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.act.checks import workflow
from tansaku.tasks.act.checks.kept_files import Database, lacks_files, load_kept
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.campaigns import awaited_spec, refuse_reserved, stored_spec
from tansaku.tasks.ground.formats.yaml_text import YamlText
from tansaku.tasks.loop.retraining.definition import sides_of_pool
from tansaku.tasks.loop.reuse.freezing import Frozen, find_results, keep_results, note_reuse
from tansaku.tasks.loop.training.versions import find_model
from tansaku.tasks.loop.transfer.levels import note_levels
from tansaku.tasks.loop.transfer.sources import Target, freeze, source_ids, with_known_hashes, with_stored_names
from tansaku.tasks.node.configuration.campaign_files import (
    Difference,
    LoadedCampaign,
    diff_specs,
    load_campaign,
    naming_lines,
    spec_hash,
)
from tansaku.tasks.node.configuration.crystal import compare_crystal
from tansaku.tasks.node.configuration.references import pending_phases, with_computed
from tansaku.tasks.node.jobs.dataset_files import check_hdf5

FILE_EDIT = "file-"
"""Prefix of the ids of edits from a changed campaign file, which is followed by the file's origin; other edits are people's."""

MOVED = "moved"
"""Kind of the event with the folder in which a campaign's file lies now."""


def _ignore(_: str) -> None:
    """Takes a note of which nobody wants to know."""


def store_file(
    path: Path | YamlText, actor: Actor, limits: LimitsSpec, opened: Database, note: Callable[[str], None] = _ignore
) -> CampaignRecord:
    """Creates the campaign of a file or its text, or finds the known one of its name; spends nothing.

    What is wrong with a file is said without a database, unless the database keeps what the file names.

    Args:
        opened: Opens stores and launchers.
        note: As of :func:`prepare_campaign`.

    Raises:
        ConfigurationError: As of ``load_campaign`` and :func:`prepare_campaign`, whose other errors are raised too.
    """
    loaded = None if lacks_files(path) else load_campaign(path, limits)
    with opened() as resources, naming_lines(path):
        return prepare_campaign(resources, actor, load_kept(resources, path, limits) if loaded is None else loaded, note)


def prepare_campaign(
    resources: Resources, actor: Actor, loaded: LoadedCampaign, note: Callable[[str], None] = _ignore
) -> CampaignRecord:
    """Creates the campaign of a file, or finds the known one of its name; spends nothing.

    The content of the file is compared with its previous content. Allowed edits are stored as an edit command, which the driver
    applies and logs. What was edited elsewhere since stays unless the file changed the same key.

    Args:
        resources: Store, artifacts, registry and site.
        actor: Who creates the campaign, or edits it by a changed file.
        note: Receives a line for each edit from elsewhere that stays, or that the changed file takes back.

    Returns:
        The campaign as stored.

    Raises:
        StoreError: The campaign is being deleted.
        SpecChangedError: The file differs from the known campaign in more than allowed edits; has one line per key.
        ConfigurationError: A source of its transfer is unknown, empty, or does not fit, its kernel names a feature group that
            the space lacks, a calculator does not know an element, or it asks for more than the site's limits.
        TransientError: The database did not answer.
    """
    loaded = replace(loaded, spec=_with_stored_references(resources.store, loaded.spec))
    _refuse_misfits(resources, loaded)
    spec = _with_look(resources, _with_crystal(resources.store, loaded.base_path, _with_sources(resources, loaded)))
    spec, found = _with_known_results(resources, loaded.base_path, spec)
    fresh = CampaignRecord(
        id=new_campaign_id(),
        name=spec.name,
        spec=spec.model_dump(mode="json"),
        spec_hash=spec_hash(spec),
        base_path=str(loaded.base_path),
        files=loaded.files,
        tansaku_version=__version__,
        created_at=datetime.now(UTC),
        source_ids=source_ids(resources.store, spec),
    )
    known = resources.store.create_campaign(fresh)
    refuse_reserved(known)
    if found is not None:
        data = {"results": len(found.results), "campaigns": found.campaigns, "left_out": found.left_out}
        note_reuse(resources.store, known, data)
    _warn_of_version(resources.store, known)
    note_levels(resources.store, known)
    awaited = awaited_spec(known)
    if "proposer" not in spec.model_fields_set:  # the file leaves it open
        spec = spec.model_copy(update={"proposer": awaited.proposer})
    differences = diff_specs(awaited, spec)
    _refuse_changes(spec.name, differences)
    _follow_file(resources.store, known, fresh)
    edits = _edits_of_file(resources.store, known, spec, differences, actor, note)
    if edits:
        resources.store.add_command(spec.name, _file_edit(known, actor, edits))
    return resources.store.campaign(spec.name)


def _refuse_changes(name: str, differences: Iterable[Difference]) -> None:
    """Raises SpecChangedError for differences from a stored campaign in more than allowed edits."""
    refused = [difference for difference in differences if not difference.editable]
    if refused:
        lines = "\n".join(f"  {item}" for item in refused)
        raise SpecChangedError(
            f"campaign {name!r} is stored with a different spec:\n{lines}",
            hint="use another name; only budget, notes, in_flight, timeout, retries and polish of a stored campaign may change",
        )


def _refuse_misfits(resources: Resources, loaded: LoadedCampaign) -> None:
    """Checks a new campaign before it is stored.

    Compares the space with the site's limits and with the elements that its calculators know, and proposer, division and
    workflow with the pool: of a Gaussian process kernel, mean and initial design, of a list its candidates, of groups held out
    that there are some, of competing phases that they can be compared with.
    """
    spec, proposer = loaded.spec, loaded.spec.proposer
    chosen = workflow_of(spec.calculator)
    compared = (spec.space.competing_phases if chosen is None else chosen.competing_phases) is not None
    by_name = spec.retrain is not None and not isinstance(spec.retrain.held_out, float)
    divided = by_name or proposer.asks_committee
    try:
        resources.store.campaign(spec.name)
    except NotFoundError:
        limits = resources.site.limits
        space = open_space(spec.space, loaded.base_path, limits)
        workflow.check_elements(spec, space, loaded.base_path)
        spec, space = workflow.with_references(spec, space, loaded.base_path, limits)
        workflow.check_reported(spec, space)
        workflow.check_function(spec, space, loaded.base_path)
        workflow.check_boundary(spec, loaded.base_path)
        if spec.levels:
            searched_pool(spec, space, loaded.base_path)
        goal = spec.objective.goal
        of_pool = goal.gridded or goal.exchanging
        if not (proposer.listed or proposer.fits_pool or divided or compared or of_pool or isinstance(space, ScreenedSpace)):
            return
        pool = space.pool()
        workflow.check_path(spec, space, pool)
        workflow.check_competing(spec, pool)
        pool.positions(proposer.listed)
        workflow.check_phases(spec, space, pool, loaded.base_path)
        if proposer.fits_pool:
            workflow.check_initial(build_proposer(proposer), pool, limits)
            workflow.check_floor(spec, pool)
        if divided:
            sides_of_pool(pool, spec)


def _with_sources(resources: Resources, loaded: LoadedCampaign) -> CampaignSpec:
    """The spec with the content of its transfer sources: what the known campaign has frozen, or what is there now."""
    spec = loaded.spec
    if spec.transfer is None:
        return spec
    try:
        known = resources.store.campaign(spec.name)
    except NotFoundError:
        pool = open_space(spec.space, loaded.base_path).pool()
        build_transfer_proposer(spec, spec.transfer.mode, FrozenSources([]))  # refuses a proposer that cannot learn
        return freeze(Target(spec, pool), loaded.base_path, resources.store, resources.artifacts)
    return with_known_hashes(with_stored_names(spec, known, resources.store), stored_spec(known))


def _with_stored_references(store: CampaignStore, spec: CampaignSpec) -> CampaignSpec:
    """The spec with the energies of elements that an older version computed when it created the campaign."""
    if pending_phases(spec) is None:
        return spec
    try:
        known = stored_spec(store.campaign(spec.name)).space.competing_phases
    except NotFoundError:
        return spec
    return spec if known is None else with_computed(spec, known.computed)


def _with_crystal(store: CampaignStore, base_path: Path, spec: CampaignSpec) -> CampaignSpec:
    """The spec with its calculator's own lattice parameter, from the known campaign or computed now.

    Raises:
        ConfigurationError: The campaign is new, and its lattice parameter is not the calculator's own.
    """
    crystal = spec.space.reference_crystal
    if crystal is None:
        return spec
    try:
        known = stored_spec(store.campaign(spec.name)).space
    except NotFoundError:
        found = compare_crystal(spec, base_path)
        own = found.lattice_parameter if found is not None else None
        # What `auto` resolved to stays as it is, so that it is known again.
        update = {} if crystal.own_lattice_parameter is not None else {"own_lattice_parameter": own}
    else:
        stored = known.reference_crystal
        if stored is None:
            return spec
        update = {"own_lattice_parameter": stored.own_lattice_parameter}
        if crystal.was_auto and stored.was_auto:
            # Another version of the calculator may give other digits; the campaign keeps its original value.
            update["lattice_parameter"] = stored.parameters
    return spec.model_copy(update={"space": spec.space.with_crystal(crystal.model_copy(update=update))})


def _with_known_results(resources: Resources, base_path: Path, spec: CampaignSpec) -> tuple[CampaignSpec, Frozen | None]:
    """The spec with the hash of the results that it may adopt, and these results if they were collected now."""
    if spec.known is not None:
        from tansaku.spaces.table_file import TableFile  # with pyarrow, which few campaigns need here

        table = TableFile(base_path / spec.known.file, "known.file", spec.known.sha256)
        spec = spec.model_copy(update={"known": spec.known.model_copy(update={"sha256": table.sha256})})
    elif not spec.reuse:
        return spec, None
    try:
        frozen = stored_spec(resources.store.campaign(spec.name)).reuse_sha256
    except NotFoundError:
        found = find_results(spec, base_path, resources.store)
        sha256 = keep_results(resources.artifacts, found)
        if spec.reuse_sha256 not in (None, sha256):
            raise ConfigurationError(
                f"reuse_sha256: the adoptable results have SHA-256 {sha256}, expected {spec.reuse_sha256}",
                hint="remove the key",
            ) from None
        return spec.model_copy(update={"reuse_sha256": sha256}), found
    return (spec if spec.reuse_sha256 is not None else spec.model_copy(update={"reuse_sha256": frozen})), None


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
    look = spec.pre_screening
    if look is None or look.model is None:
        return spec
    try:
        known = stored_spec(resources.store.campaign(spec.name)).pre_screening
    except NotFoundError:
        known = None
    if known is not None and known.model is not None and look.model in (known.model, known.model.partition("@")[0]):
        frozen = {"model": known.model, "weights": known.weights}
    else:
        version = find_model(resources.registry, look.model)
        if version.learns != "label":
            raise ConfigurationError(
                f"pre_screening.model: {version.label} learned the energies of the calculator, expected label"
            )
        if fields := ModelSpec.model_validate(version.spec).surrogate.needed_fields():
            raise ConfigurationError(
                f"pre_screening.model: {version.label} sees the field {fields[0]}, which structures alone lack"
            )
        frozen = {"model": version.label, "weights": version.artifact}
    return spec.model_copy(update={"pre_screening": look.model_copy(update=frozen)})


def _edits_of_file(
    store: CampaignStore,
    known: CampaignRecord,
    spec: CampaignSpec,
    differences: Iterable[Difference],
    actor: Actor,
    note: Callable[[str], None],
) -> JsonDict:
    """The keys that a file changed since it was last read, with their values; arguments as of :func:`prepare_campaign`.

    Args:
        differences: Of its spec from the stored one with all edits.
    """
    found: JsonDict = {}
    for difference in differences:
        key, value = difference.key, _value_at(spec, difference.key)
        earlier = [command for command in known.commands if command.kind == "edit" and key in command.payload]
        own = [command.payload[key] for command in earlier if _is_own(command, actor)]
        # Of another origin, such as a file written from the campaign itself, a value that was there before is an old one.
        before = own[-1:] or [command.payload[key] for command in earlier]
        unchanged = value in before or (not own and difference.new == _original(store, known, difference))
        if unchanged:
            note(f"{known.name}: {key} stays {difference.old}, set after the file's {value} (`tansaku edit` changes it)")
            continue
        found[key] = value
        if earlier and not _is_own(earlier[-1], actor):
            note(f"{known.name}: {key} {difference.old} -> {value}, as the file has changed")
    return found


def _is_own(command: Command, actor: Actor) -> bool:
    """Returns whether an edit came from a file of the same origin; earlier versions did not note the origin."""
    older = command.id.startswith(FILE_EDIT) and "-" not in command.id.removeprefix(FILE_EDIT)
    return older or command.id.startswith(_file_prefix(actor))


def _file_prefix(actor: Actor) -> str:
    return f"{FILE_EDIT}{actor.origin.replace(' ', '_').lower()}-"


def _value_at(spec: CampaignSpec, key: str) -> Any:  # noqa: ANN401 - plain data
    """The plain value of a dotted key, also where it is the default."""
    found: Any = spec.model_dump(mode="json")
    for part in key.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _original(store: CampaignStore, known: CampaignRecord, difference: Difference) -> object:
    """Value of a key before any edit."""
    for event in store.events(known.name):
        if event.kind == "edited":
            for change in event.data["changes"]:
                if change["key"] == difference.key:
                    return change["old"]
    old = next((item.old for item in diff_specs(stored_spec(known), awaited_spec(known)) if item.key == difference.key), None)
    return difference.old if old is None else old


def _follow_file(store: CampaignStore, known: CampaignRecord, fresh: CampaignRecord) -> None:
    """Moves a campaign to the folder where its file, and with the same content all that it names, lies now.

    A campaign with a live driver stays where it is, and one that was created from the dashboard has its files in the database.
    """
    if known.base_path == fresh.base_path or known.files or fresh.files:
        return
    try:
        store.move_campaign(known.name, fresh.base_path)
    except LeaseHeldError:
        return
    data = {"from": known.base_path, "to": fresh.base_path}
    store.append_event(
        Event(
            id=short_hash([known.id, MOVED, known.epoch, data]),
            campaign=known.id,
            kind=MOVED,
            at=datetime.now(UTC),
            data=data,
        )
    )


def _file_edit(known: CampaignRecord, actor: Actor, edits: JsonDict) -> Command:
    return Command(
        id=f"{_file_prefix(actor)}{short_hash([known.id, len(known.commands), edits])}",
        kind="edit",
        payload=edits,
        user=actor.name,
        created_at=datetime.now(UTC),
    )


def _warn_of_version(store: CampaignStore, known: CampaignRecord) -> None:
    if known.tansaku_version == __version__:
        return
    event = Event(
        id=short_hash([known.id, "version", __version__]),
        campaign=known.id,
        kind="warning.version",
        at=datetime.now(UTC),
        data={"created_by": known.tansaku_version, "resumed_by": __version__},
    )
    store.append_event(event)
