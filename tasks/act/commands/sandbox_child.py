"""Checks, creates in memory or rehearses a campaign, or does what a page asks, in a process with limits.

It is forked by :mod:`tansaku.tasks.act.commands.sandbox_forker`, or called as ``python -m`` and its name by
:mod:`tansaku.tasks.act.checks.sandbox`. The arguments are its limits, its standard input is a
:class:`~tansaku.tasks.act.checks.request.CheckRequest`. It writes lines of JSON: progress, then the answer. It knows no
database.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from tansaku.tasks.ground.site.process_tree import end_with_parent

if TYPE_CHECKING:
    from tansaku.models.domain.ports import Launcher
    from tansaku.models.domain.specs.campaign import CampaignSpec
    from tansaku.tasks.act.checks.request import CheckAnswer, CheckRequest, ErrorKind
    from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign

_LARGEST_FILE = 256 << 20
_OPEN_FILES = 256


def limit_process(memory: int, seconds: int) -> None:
    """Limits this process, and those that it starts.

    Args:
        memory: Address space [bytes].
        seconds: Processor time [s].
    """
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    # The hard limit stays: comparing a crystal sets its own.
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_FILE, _LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most = min(_OPEN_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def peak_memory() -> int:
    """Largest resident memory of this process so far [MB]; that of ``getrusage`` contains its parent's."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM:"))


def answer(request: CheckRequest, stream: TextIO) -> CheckAnswer:
    """Answers a request; errors become answers too.

    Args:
        stream: Where progress is written.
    """
    from tansaku.models.domain.errors import ConfigurationError, MissingComponentError, SpecChangedError, TansakuError

    try:
        return _done(request, stream)
    except SpecChangedError as error:
        return _failed("changed", error.message, error.hint)
    except ConfigurationError as error:
        return _failed("configuration", error.message, error.hint)
    except MissingComponentError as error:
        return _failed("missing", error.message, error.hint)
    except TansakuError as error:
        return _failed("refused", error.message, error.hint)
    except MemoryError:
        return _failed("memory", "it needs more memory than a check may use")
    except RecursionError:
        return _failed("configuration", "it is nested too deeply")


def _failed(kind: ErrorKind, message: str, hint: str | None = None) -> CheckAnswer:
    from tansaku.tasks.act.checks.request import LONGEST_MESSAGE, CheckAnswer, CheckError

    shown = None if hint is None else hint[:LONGEST_MESSAGE]
    return CheckAnswer(error=CheckError(kind=kind, message=message[:LONGEST_MESSAGE], hint=shown))


def _done(request: CheckRequest, stream: TextIO) -> CheckAnswer:
    from tansaku.tasks.act.checks.check import preview_loaded
    from tansaku.tasks.act.checks.policy import SOURCE
    from tansaku.tasks.act.checks.rehearse import RehearsalOptions, rehearse_loaded
    from tansaku.tasks.act.checks.request import CheckAnswer, CheckProgress
    from tansaku.tasks.node.configuration.campaign_files import campaign_from_data

    if request.task == "file":
        from tansaku.tasks.act.checks.uploaded import parse_upload

        parse_upload(Path(request.base_path, request.file), request.limits)
        return CheckAnswer()
    if request.task == "page":
        return _asked(request, stream)
    loaded = campaign_from_data(request.spec, Path(request.base_path), SOURCE, request.limits)
    if request.task == "rehearse":
        asked = request.rehearsal
        options = RehearsalOptions(within=asked.within, replays=asked.replays, spread=asked.spread)

        def note(done: int, total: int) -> None:
            stream.write(CheckProgress(done=done, total=total).model_dump_json() + "\n")
            stream.flush()

        return CheckAnswer(rehearsal=rehearse_loaded(loaded, options, note))
    if request.task == "compare":
        return _compared(request, loaded, stream)
    preview = preview_loaded(loaded, limits=request.limits)
    used = peak_memory()
    if used > request.resident:
        return _failed("memory", f"checking it used {used:,} MB of memory; expected at most {request.resident:,} MB")
    if request.task == "check":
        return CheckAnswer(preview=preview, computation=_computation(loaded))
    return _created(request, loaded).model_copy(update={"preview": preview})


def _compared(request: CheckRequest, loaded: LoadedCampaign, stream: TextIO) -> CheckAnswer:
    """Compares methods on the table of a campaign."""
    from tansaku.tasks.act.checks.request import CheckAnswer, CheckProgress
    from tansaku.tasks.act.replay.compare import compare_methods

    def note(done: int, total: int, stage: str) -> None:
        stream.write(CheckProgress(done=done, total=total, stage=stage).model_dump_json() + "\n")
        stream.flush()

    asked = request.comparison
    return CheckAnswer(found=compare_methods(loaded, asked.methods, asked.seeds, asked.within, note))


def _asked(request: CheckRequest, stream: TextIO) -> CheckAnswer:
    """Answers what a page of a room or a plug-in asks."""
    from tansaku.models.domain.rooms import code_behind, pages
    from tansaku.tasks.act.checks.request import CheckAnswer, CheckProgress

    assert request.page is not None
    name = request.page.page

    def note(stage: str, share: float) -> None:
        progress = CheckProgress(done=round(100 * share), total=100, stage=stage)
        stream.write(progress.model_dump_json() + "\n")
        stream.flush()

    answered = code_behind("pages", name, pages()[name].sandboxed)
    return CheckAnswer(found=answered(request.page.asked, Path(request.base_path), note))


def _computation(loaded: LoadedCampaign) -> str | None:
    """Key of a campaign's computation if it adopts known results, else None."""
    from tansaku.tasks.loop.reuse.keys import computation_key

    return computation_key(loaded.spec) if loaded.spec.reuse else None


def _created(request: CheckRequest, loaded: LoadedCampaign) -> CheckAnswer:
    """Creates the campaign in memory, as the command line does in the database."""
    from tansaku.models.domain.authors import Actor
    from tansaku.models.domain.specs.site import SiteSpec
    from tansaku.tasks.act.checks.request import CheckAnswer
    from tansaku.tasks.act.commands.create import prepare_campaign
    from tansaku.tasks.backends.resources import Resources
    from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
    from tansaku.tasks.backends.stores.memory import GivenCampaigns
    from tansaku.tasks.backends.stores.memory_registry import GivenModels
    from tansaku.tasks.ground.settings import Settings
    from tansaku.tasks.loop.reuse.freezing import REUSED

    def no_launcher(_: CampaignSpec) -> Launcher:
        raise AssertionError("a check starts no jobs")

    folder = Path(request.folder)
    resources = Resources(
        settings=Settings(home=folder),
        site=SiteSpec(limits=request.limits),
        store=GivenCampaigns(request.stored.campaigns, request.stored.observations, request.stored.evaluations),
        artifacts=FileArtifactStore(folder),
        open_launcher=no_launcher,
        registry=GivenModels(request.stored.models),
    )
    record = prepare_campaign(resources, Actor(request.user, "dashboard"), loaded)
    reused = next((event.data for event in resources.store.events(record.name, kind=REUSED)), None)
    return CheckAnswer(record=record, reused=reused)


def main() -> int:
    """Entry of the process; returns its exit code."""
    return carry_out(*map(int, sys.argv[1:3]))


def carry_out(memory: int, seconds: int) -> int:
    """Answers the request on the standard input, within limits of this process; returns its exit code.

    Args:
        memory: Address space [bytes].
        seconds: Processor time [s].
    """
    end_with_parent()
    limit_process(memory, seconds)
    os.nice(5)
    # What libraries print must not be mixed with the answer.
    with os.fdopen(os.dup(1), "w") as stream:
        os.dup2(2, 1)
        from tansaku.models.domain.specs.commands import offer_commands
        from tansaku.tasks.act.checks.request import CheckRequest
        from tansaku.tasks.ground.settings import given_commands

        offer_commands(given_commands())
        request = CheckRequest.model_validate_json(sys.stdin.read())
        stream.write(answer(request, stream).model_dump_json() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
