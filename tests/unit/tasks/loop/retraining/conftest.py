"""A small campaign on real relaxations whose jobs are done in this process, when they are asked for."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from benchmarks.ended_jobs import EndedJobs
from tansaku.models.domain.ports import JobRequest, JobResult, JobStatus
from tansaku.models.domain.records import Evaluation, Outcome
from tansaku.models.domain.retraining import Retrain, RetrainEnd
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.site import SiteSpec, TimingSpec
from tansaku.models.domain.states import JobState
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.loop.driver.loop import CampaignLoop
from tansaku.tasks.loop.driver.result import DriveResult
from tansaku.tasks.node.configuration.campaign_files import campaign_from_data
from tansaku.tasks.node.jobs.document import JobDocument, TrainingDocument
from tansaku.tasks.node.jobs.evaluate import work
from tests.support.actors import ADA


@dataclass
class InProcess(EndedJobs):
    """A backend that does a job when it is asked for it the ``slow``-th time.

    Evaluations and trainings are deterministic (the contracts of calculators and surrogates test it), so that the same document
    is computed once and its result copied then.

    Attributes:
        folder: Of the jobs.
        computed: Outcomes and folders of the jobs so far, by their documents without the campaign's name.
        slow: Polls of a training before it is done.
        change: What becomes of a training's document before it is trained.
        lose: Whether trainings are lost.
    """

    folder: Path
    computed: dict[str, tuple[Outcome, Path]]
    slow: int = 1
    change: Callable[[TrainingDocument], TrainingDocument] = lambda document: document
    lose: bool = False
    polls: dict[str, int] = field(default_factory=dict)
    trained: list[TrainingDocument] = field(default_factory=list)
    timeouts: list[float] = field(default_factory=list)

    def submit(self, job: JobRequest) -> dict:
        if job.document.get("kind") == "training":
            self.timeouts.append(job.timeout)
        return super().submit(job)

    def poll(self, handles: Sequence[dict]) -> list[JobStatus]:
        return [self._look(handle["name"]) for handle in handles]

    def _look(self, name: str) -> JobStatus:
        training = self.requests[name].document.get("kind") == "training"
        self.polls[name] = self.polls.get(name, 0) + 1
        if self.polls[name] < (self.slow if training else 1):
            return JobStatus(JobState.RUNNING)
        lost = JobStatus(JobState.LOST, "node_fail", "told to lose it")
        return lost if training and self.lose else JobStatus(JobState.FINISHED)

    def fetch(self, handle: dict) -> JobResult:
        job, folder = self.requests[handle["name"]], self.folder / handle["name"]
        folder.mkdir(exist_ok=True)
        if job.document.get("kind") == "training":
            training = self.change(TrainingDocument.model_validate(job.document))
            self.trained.append(training)
            return JobResult(job.token, self._learned(training, folder), folder)
        return JobResult(job.token, self._evaluated(JobDocument.model_validate(job.document), folder), folder)

    def _learned(self, document: TrainingDocument, folder: Path) -> Outcome:
        if Path(document.checkpoint).exists():  # of a training that goes on
            return work(document, folder)
        # Files of this campaign alone; a hash stands for what is in them, as one in the document does for the beginning's.
        data = hashlib.sha256(Path(document.dataset).read_bytes()).hexdigest() if Path(document.dataset).exists() else "none"
        changed = {"campaign": "any", "dataset": data, "checkpoint": "any", "start": document.start and "any"}
        return self._once(document.model_copy(update=changed).model_dump_json(), document, folder)

    def _evaluated(self, document: JobDocument, folder: Path) -> Outcome:
        # Each campaign has files of its own; a hash in the document says what is in the model's.
        look = document.look and document.look.model_copy(update={"file": "any"})
        changed: dict[str, object] = {"campaign": "any", "look": look}
        if look is None:
            # Who is looked for matters to a model that may spare the label, and to nothing else.
            changed["objective"] = document.objective.model_copy(update={"goal": ObjectiveSpec().goal, "direction": "minimize"})
        return self._once(document.model_copy(update=changed).model_dump_json(), document, folder)

    def _once(self, key: str, document: JobDocument | TrainingDocument, folder: Path) -> Outcome:
        if key not in self.computed:
            self.computed[key] = (work(document, folder), folder)
        outcome, made = self.computed[key]
        if made != folder:
            shutil.copytree(made, folder, dirs_exist_ok=True)
        return outcome


@dataclass
class Retrained:
    """A campaign with its resources."""

    resources: Resources
    launcher: InProcess

    def drive(self) -> DriveResult:
        """Drives it on. SIGTERM, such as of a time limit on the tests, ends them: here it is no wish to end the campaign."""
        with CampaignLoop(self.resources, "small") as loop:
            loop.advance()
            return loop.result

    def evaluations(self) -> list[Evaluation]:
        return self.resources.store.evaluations("small")

    def retrains(self) -> list[tuple[Retrain, RetrainEnd | None]]:
        return self.resources.store.retrains("small")

    def sequence(self) -> list[tuple]:
        """All that timing may not change."""
        looks = [one.proposal.look for one in self.evaluations()]
        return [
            (one.proposal.candidate, one.outcome.value, one.outcome.predicted_by, look)
            for one, look in zip(self.evaluations(), looks, strict=True)
        ]


@pytest.fixture(scope="session")
def computed() -> dict[str, tuple[Outcome, Path]]:
    """Evaluations and trainings that some campaign of these tests has had computed."""
    return {}


@pytest.fixture
def retrained(tmp_path_factory: pytest.TempPathFactory, computed, require, retrained_keys) -> Callable[..., Retrained]:
    """``retrained(slow=…, change=…, lose=…, resources=…, **campaign keys)``; ``retrained.driven(…)``: driven to its end."""
    for package in ("h5py", "safetensors"):
        require(package)

    def document(**changes: object) -> dict:
        return (
            retrained_keys(
                {"first": 7, "every": 4},
                schema_version=1,
                name="small",
                pre_screening={"deviations": 0.2, "check_every": 5},
                budget={"evaluations": 16},
                execution={"in_flight": 2, "retries": 1, "retry_backoff": 0.001, "polish": 0},
            )
            | changes
        )

    return _maker(tmp_path_factory, computed, document)


@pytest.fixture
def growing(tmp_path_factory: pytest.TempPathFactory, computed, require, growing_keys) -> Callable[..., Retrained]:
    """``growing(slow=…, change=…, lose=…, resources=…, **campaign keys)``: a potential asks for its own data."""
    for package in ("h5py", "safetensors", "torch", "matscipy"):
        require(package)

    def document(**changes: object) -> dict:
        return growing_keys(schema_version=1, name="small") | changes

    return _maker(tmp_path_factory, computed, document)


def _maker(
    folders: pytest.TempPathFactory, computed: dict[str, tuple[Outcome, Path]], document: Callable[..., dict]
) -> Callable[..., Retrained]:
    # No spec names a file, and from the same folder the same is computed once.
    base = folders.getbasetemp()

    def make(*, resources: Resources | None = None, slow: int = 1, change=None, lose: bool = False, **changes) -> Retrained:
        home = folders.mktemp("campaign")
        (home / "jobs").mkdir()
        launcher = InProcess(home / "jobs", computed, slow, change or (lambda document: document), lose)
        used = resources or Resources(
            settings=Settings(home=home),
            # No clock plays a part: however long it takes, nobody renews a lease or finds one run out.
            site=SiteSpec(timing=TimingSpec(poll=1e-6, lease=1e6, heartbeat=1e5)),
            store=MemoryCampaignStore(),
            artifacts=FileArtifactStore(home / "artifacts"),
            open_launcher=lambda _: pytest.fail("no launcher"),
        )
        used = Resources(**{**vars(used), "open_launcher": lambda _: launcher})
        prepare_campaign(used, ADA, campaign_from_data(document(**changes), base, "small.yaml"))
        return Retrained(used, launcher)

    def driven(**how: object) -> Retrained:
        """One that has been driven to its end."""
        made = make(**how)
        made.drive()
        return made

    make.document, make.driven = document, driven
    return make
