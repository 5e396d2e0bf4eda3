"""Requests to the process that checks specs from the dashboard, and its answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tansaku.models.domain.magnitudes import LARGEST
from tansaku.models.domain.model_registry import ModelRecord
from tansaku.models.domain.records import CampaignRecord, Evaluation, JsonDict, Observation, Record
from tansaku.models.domain.specs.limits import LimitsSpec
from tansaku.tasks.act.checks.check import CampaignPreview
from tansaku.tasks.act.checks.rehearse import BudgetRehearsal

LONGEST_MESSAGE = 4000


class Stored(Record):
    """The part of the database that creating a campaign needs.

    Attributes:
        campaigns: Sources of its transfer, sources of these, the known campaign of its name, and those whose results it may
            adopt.
        observations: Of the sources, by name of the campaign.
        evaluations: With results that it may adopt, by name of the campaign.
        models: All versions of the models that it names.
    """

    campaigns: tuple[CampaignRecord, ...] = ()
    observations: dict[str, tuple[Observation, ...]] = Field(default_factory=dict)
    evaluations: dict[str, tuple[Evaluation, ...]] = Field(default_factory=dict)
    models: tuple[ModelRecord, ...] = ()


class RehearsalRequest(Record):
    """Request to rehearse a budget.

    Attributes:
        within: How near to the true answer is near enough, with its unit; None: what ``budget.stop`` says.
        replays: How many.
        spread: Expected standard deviation of the values, with its unit.
    """

    within: Annotated[str, Field(max_length=100)] | None = None
    replays: Annotated[int, Field(ge=2, le=50)] = 20
    spread: Annotated[str, Field(max_length=100)] | None = None


class ComparisonRequest(Record):
    """Request to compare methods on the table of a campaign.

    Attributes:
        methods: Names, as `tansaku bench` has them; ``spec`` is the proposer of the campaign.
        seeds: How many, from 0.
        within: Distance to the optimum that is near enough [objective's unit].
    """

    methods: Annotated[tuple[Annotated[str, Field(max_length=40)], ...], Field(min_length=1, max_length=8)] = (
        "random",
        "published",
        "default",
    )
    seeds: Annotated[int, Field(ge=1, le=20)] = 5
    within: Annotated[float, Field(ge=0, le=LARGEST)] = 1.0


class TableSize(Record):
    """Size of the search of a table. Every check of API v1 has the field, whichever page searches.

    Attributes:
        rows: Of the table.
        columns: That can be used.
        largest: Largest number of columns or groups in a model.
        supports: Number of models, the one without columns included.
        exhaustive: Whether all of them are judged; else they are sampled.
        seconds: Expected time by a trial on the server, the repeated searches included [s]; None: not known beforehand, as that
            of sampled chains.
        limit: Time after which a search is given up [s].
    """

    rows: int
    columns: int
    largest: int
    supports: int
    exhaustive: bool
    seconds: float | None
    limit: float


class PageRequest(Record):
    """Request of a page of a room or a plug-in, which its own code answers.

    Attributes:
        page: Its name.
        asked: For that code.
        long: Whether it may take as long as a rehearsal, one at a time.
        remedy: What is less work, for the error of one that takes too long.
    """

    page: str
    asked: JsonDict
    long: bool
    remedy: str


CheckTask = Literal["check", "create", "rehearse", "compare", "file", "page"]


class CheckRequest(Record):
    """Request to check, create or rehearse a campaign, or one of a page.

    Attributes:
        task: ``check`` it, ``create`` a campaign of it in memory, ``rehearse`` its budget, parse a ``file``, or what a ``page``
            asks.
        spec: The campaign, with the paths of files below ``base_path``; empty for the last two tasks.
        base_path: Folder of its files.
        folder: Where values are left that the new campaign refers to.
        limits: What a spec may ask for.
        resident: Memory that the check may use [MB].
        user: Who creates the campaign.
        stored: What creating it needs of the database.
        rehearsal: How to rehearse.
        comparison: How to compare.
        page: What a page asks; None for the other tasks.
        file: Name of the uploaded file, in ``base_path``; empty for the other tasks.
    """

    task: CheckTask
    spec: JsonDict = Field(default_factory=dict)
    base_path: str
    folder: str = ""
    limits: LimitsSpec
    resident: int = 1024
    user: str = ""
    stored: Stored = Stored()
    rehearsal: RehearsalRequest = RehearsalRequest()
    comparison: ComparisonRequest = ComparisonRequest()
    page: PageRequest | None = None
    file: str = ""


ErrorKind = Literal["configuration", "changed", "missing", "refused", "memory"]


class CheckError(Record):
    """Error of a request.

    Attributes:
        kind: ``configuration``: the spec is wrong; ``changed``: it differs from the known campaign; ``missing``: a package is
            not installed; ``refused``: another error with a message; ``memory``: it needs too much memory.
    """

    kind: ErrorKind
    message: Annotated[str, Field(max_length=LONGEST_MESSAGE)]
    hint: Annotated[str, Field(max_length=LONGEST_MESSAGE)] | None = None


class CheckAnswer(Record):
    """The result: the preview, with the new campaign or the rehearsal where they were asked for.

    Attributes:
        computation: Of a checked campaign that adopts results: which results are of the same computation.
        reused: Of a created campaign that adopts results: how many each campaign gave, and which were left out.
        found: What the code of a page answers, or the comparison.
    """

    preview: CampaignPreview | None = None
    record: CampaignRecord | None = None
    rehearsal: BudgetRehearsal | None = None
    computation: str | None = None
    reused: JsonDict | None = None
    found: JsonDict | None = None
    error: CheckError | None = None


class CheckProgress(Record):
    """Progress of a rehearsal or of what a page asked.

    Attributes:
        stage: Of the latter.
    """

    done: int
    total: int
    stage: str = ""
