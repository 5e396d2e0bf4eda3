"""``python -m benchmarks.overhead.start FILE``: processor time of whole runs of a campaign, beside its evaluations.

Counted are user and system time of the driver, its workers and all that they start, and the difference in the private servers,
which are kept between runs. The campaign is run under a new name each time, in a home folder of its own; the first run also
starts the database and, with ``--flow``, Prefect's server. Evaluations are computed once more in this process, to be
taken off: their wall time would count what else the machine does.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.overhead.__main__ import job_documents
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.backends.resources import open_resources
from tansaku.tasks.ground.settings import HOME_VARIABLE, Settings, limit_threads
from tansaku.tasks.ground.site.process_tree import adopt_orphans, descendants
from tansaku.tasks.node.configuration.campaign_files import load_campaign, load_site
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate


def spent() -> float:
    """User and system time of all children that have ended and of those that are kept [s]."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    kept = [psutil.Process(listed.pid).cpu_times() for listed in descendants(os.getpid())]
    return ended.ru_utime + ended.ru_stime + sum(times.user + times.system for times in kept)


def run(command: list[str], log: Path) -> float:
    """Runs a command to its end, and takes the exit status of all that ends meanwhile; returns processor seconds."""
    before = spent()
    with log.open("wb") as output:
        copies = [(os.POSIX_SPAWN_DUP2, output.fileno(), stream) for stream in (1, 2)]
        child = os.posix_spawn(command[0], command, os.environ, file_actions=copies)
        while (ended := os.waitpid(-1, 0))[0] != child:
            pass
    if ended[1]:
        sys.exit(log.read_text())
    return spent() - before


def evaluation_seconds(spec: CampaignSpec, base_path: Path) -> tuple[int, float]:
    """Number of a stored campaign's evaluations, and the processor time of all in one warm process [s]."""
    settings = Settings.from_environment()
    with open_resources(settings, load_site(None)) as resources:
        evaluations = resources.store.evaluations(spec.name)
    documents = [JobDocument.model_validate(each) for each in job_documents(spec, base_path, evaluations)]
    with tempfile.TemporaryDirectory() as folder:
        evaluate(documents[0], Path(folder))
        begun = time.process_time()
        for document in documents:
            evaluate(document, Path(folder))
        return len(documents), time.process_time() - begun


def main() -> None:
    """Measures and prints one line a run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead.start", description=__doc__)
    parser.add_argument("file", type=Path, help="campaign file")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--evaluations", type=int, default=24)
    parser.add_argument("--flow", action="store_true", help="in a Prefect flow")
    given = parser.parse_args()
    limit_threads()
    adopt_orphans()
    tansaku = str(Path(sys.executable).with_name("tansaku"))
    loaded = load_campaign(given.file)
    budget = loaded.spec.budget.model_copy(update={"evaluations": given.evaluations})
    execution = loaded.spec.execution.model_copy(update={"polish": 0})
    with tempfile.TemporaryDirectory(prefix="tsk-") as home:
        os.environ[HOME_VARIABLE] = home
        log = Path(home, "log")
        try:
            for number in range(given.runs):
                spec = loaded.spec.model_copy(update={"name": f"run-{number}", "budget": budget, "execution": execution})
                file = Path(home, f"{spec.name}.yaml")
                file.write_text(spec.model_dump_json())
                seconds = run([tansaku, "run", str(file), *([] if given.flow else ["--plain"])], log)
                n, inside = evaluation_seconds(spec, Path(home))
                print(
                    f"{spec.name}: {seconds:.2f}; {n} evaluations: {inside:.2f}; beside them: {seconds - inside:.2f}",
                    flush=True,
                )
        finally:
            run([tansaku, "stop"], log)


if __name__ == "__main__":
    main()
