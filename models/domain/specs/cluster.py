"""The launcher part of a cluster's site file. Values in job scripts must match patterns: a newline starts a command."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from tansaku.models.domain.specs.base import Name, NonNegativeFloat, PositiveFloat, PositiveInt, Spec
from tansaku.models.domain.specs.launcher_base import LauncherBase
from tansaku.models.domain.specs.parallel import ProgramName

SlurmWord = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
"""Name of a partition, account or quality of service."""

SlurmConstraint = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.,&|-]{0,126}$")]
"""Features of nodes, joined by ``&``, ``|`` or ``,``."""

SlurmMemory = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,8}[KMGT]?$")]
"""Memory per node, in megabytes where no unit is given."""

SlurmGres = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.:-]{0,62}(,[A-Za-z][A-Za-z0-9_.:-]{0,62}){0,7}$")]
"""Generic resources of a node as SLURM writes them, ``gpu`` or ``gpu:a100:2``, several joined by ``,``."""

AbsolutePath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9_./+@=-]{1,200}$")]
"""Path without blanks, quotes or anything else that a shell reads."""

DatabaseName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,38}$")]


class SlurmResourcesSpec(Spec):
    """Resources that a job requests from SLURM. Omitted keys are not requested.

    Attributes:
        partition: Partition.
        account: Account that is charged.
        qos: Quality of service.
        constraint: Features that a node must have, e.g. ``skylake&nvme``.
        nodes: Number of nodes.
        tasks: Number of tasks.
        cpus_per_task: Cores of each task.
        gpus: Number of GPUs (``--gpus``).
        gres: Generic resources of each node (``--gres``), e.g. ``gpu`` or ``gpu:a100:2``: how clusters give GPUs whose SLURM
            knows no ``--gpus``.
        memory: Memory per node, e.g. ``4000M`` or ``16G``.
        walltime: Time limit of a job [s], rounded up to minutes as SLURM counts them; None: the campaign's
            ``execution.timeout`` and two minutes.
    """

    partition: SlurmWord | None = None
    account: SlurmWord | None = None
    qos: SlurmWord | None = None
    constraint: SlurmConstraint | None = None
    nodes: PositiveInt | None = None
    tasks: PositiveInt | None = None
    cpus_per_task: PositiveInt | None = None
    gpus: PositiveInt | None = None
    gres: SlurmGres | None = None
    memory: SlurmMemory | None = None
    walltime: PositiveFloat | None = None


class BundleSpec(Spec):
    """Number of candidates that are bundled into one job.

    Attributes:
        at_least: A job gets candidates until it lasts so long by the run times measured so far in its campaign [s]. Before
            anything is measured each candidate is a job of its own.
        at_most: Most candidates of a job.
    """

    at_least: PositiveFloat
    at_most: PositiveInt = 100


class ResourceClassSpec(Spec):
    """Other resources for certain jobs.

    Attributes:
        calculator: Type of the calculator it is for, or ``training`` for surrogates that campaigns train; None: any.
        cost_above: Only for candidates whose predicted cost is above this [the space's cost unit].
        resources: Keys given here replace those of the launcher's ``resources``.
        bundle: As the launcher's ``bundle``, for these jobs; without it each of them is a job of its own.
    """

    calculator: SlurmWord | None = None
    cost_above: NonNegativeFloat = 0.0
    resources: SlurmResourcesSpec = SlurmResourcesSpec()
    bundle: PositiveInt | BundleSpec = 1


class FireworksLauncherSpec(LauncherBase):
    """Jobs of a cluster: a FireWorks LaunchPad in MongoDB, SLURM, and a folder that all nodes see. Needs the extra `fireworks`.

    Attributes:
        evaluation_limits: Limits of one evaluation by a program of the site or a plug-in.
        site: Name of this cluster among those that use the LaunchPad.
        folder: Folder for jobs, results and logs, the same path on the login node and on every compute node.
        mode: ``online``: compute nodes reach MongoDB, by the address in ``database.uri_file``; ``offline``: they do not.
        database: Database of the LaunchPad; it must not hold other workflows.
        python: Python on the compute nodes that has tansaku; None: the one that runs this.
        mpiexec: Program that starts the ranks of a DFT code, ``resources.tasks`` of them; it must belong to the code's MPI.
        max_queued: Largest number of our jobs that wait or run in SLURM at once.
        resources: Resources of a job.
        bundle: Candidates of a campaign that one job computes one after the other: a number, or ``at_least`` so many seconds
            of them. Never more than the walltime holds by the run times measured so far.
        bundle_wait: Candidates wait so long for others of their campaign before they make a smaller job, unless nothing of it
            is in progress any more [s].
        classes: Exceptions by calculator and size; the first matching entry applies.
        heartbeat: Interval of a job's heartbeat [s].
        silence: A job that SLURM reports as ended is given up after this time without a heartbeat [s].
        look: Interval between two polls of SLURM and the LaunchPad [s].
        kill_grace: Time between TERM and KILL for what a job runs [s].
        patience: How long a job tries to reach MongoDB before it continues without [s].
        keep_logs: Age at which `tansaku queue` and `tansaku reconcile` delete the folders of jobs that are over [days]; never
            one whose result has not been read.
    """

    opener: ClassVar[str] = "tansaku.tasks.backends.launchers.cluster:FireworksBackend"
    type: Literal["fireworks"] = "fireworks"
    site: Name = "cluster"
    folder: AbsolutePath
    mode: Literal["online", "offline"] = "online"
    database: DatabaseName = "tansaku-launchpad"
    python: AbsolutePath | None = None
    mpiexec: ProgramName = "srun"
    max_queued: PositiveInt = 100
    resources: SlurmResourcesSpec = SlurmResourcesSpec()
    bundle: PositiveInt | BundleSpec = 1
    bundle_wait: NonNegativeFloat = 60.0
    classes: Annotated[tuple[ResourceClassSpec, ...], Field(max_length=50)] = ()
    heartbeat: PositiveFloat = 15.0
    silence: PositiveFloat = 180.0
    look: PositiveFloat = 5.0
    kill_grace: PositiveFloat = 5.0
    patience: NonNegativeFloat = 60.0
    keep_logs: PositiveFloat = 30.0

    def resources_for(self, calculator: str, cost: float) -> SlurmResourcesSpec:
        """Resources of a job.

        Args:
            calculator: Type of its calculator; ``table`` where the space holds its values.
            cost: Predicted cost of its candidate [the space's cost unit].
        """
        entry = self._class_of(calculator, cost)
        if entry is None:
            return self.resources
        given = {name: getattr(entry.resources, name) for name in entry.resources.model_fields_set}
        return self.resources.model_copy(update=given)

    def bundle_for(self, calculator: str, cost: float) -> int | BundleSpec:
        """Number of such candidates that one job computes.

        Args:
            calculator: As for :meth:`resources_for`.
            cost: As for :meth:`resources_for`.
        """
        entry = self._class_of(calculator, cost)
        return self.bundle if entry is None else entry.bundle

    def _class_of(self, calculator: str, cost: float) -> ResourceClassSpec | None:
        fitting = (job_class for job_class in self.classes if job_class.calculator in (None, calculator))
        return next((job_class for job_class in fitting if cost > job_class.cost_above or job_class.cost_above == 0.0), None)

    @property
    def shared_folder(self) -> str:
        """The folder that all nodes see."""
        return self.folder
