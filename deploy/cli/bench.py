"""`tansaku bench`: compares methods on a table over many seeds."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.session import opened
from tansaku.deploy.cli.tables import Cell, show_table
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.wording import counted

if TYPE_CHECKING:
    from tansaku.tasks.act.replay.bench import OnProgress
    from tansaku.tasks.act.replay.records import BenchOptions, BenchResult
    from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign

DEFAULT_METHODS = "random,single-task,published,default"


def bench(
    file: Annotated[Path, typer.Argument(help="Campaign file whose space is a table.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Result file (JSON).")] = Path("result.json"),
    methods: Annotated[
        str,
        typer.Option(
            help="Comma-separated; also grid, spec (the file's own proposer), and other packages "
            "(docs/results/other-optimisers.md)."
        ),
    ] = DEFAULT_METHODS,
    seeds: Annotated[str, typer.Option(help="Number of seeds (10 means 0 to 9), or a range such as 10-19.")] = "10",
    jobs: Annotated[int, typer.Option(min=1, help="Parallel runs, one process and one thread each.")] = 1,
    budget: Annotated[str | None, typer.Option(help="Budget instead of the file's: a cost, or a share such as 0.3%.")] = None,
    within: Annotated[float, typer.Option(min=0, help="Tolerance of n_within, in the objective's unit.")] = 1.0,
    count_initial: Annotated[
        bool, typer.Option("--count-initial", help="Count the initial points in costs and budget.")
    ] = False,
    in_flight: Annotated[
        int | None,
        typer.Option(min=1, help="Evaluations in progress at once; default 1, or the file's value with asynchrony: free."),
    ] = None,
    spread: Annotated[
        float, typer.Option(min=0, max=3, help="Scatter of run times about the cost: standard deviation of their logarithm.")
    ] = 0.0,
    cost_power: Annotated[float, typer.Option(help="Raise the table's cost to this power, e.g. 3 for DFT.")] = 1.0,
    figure: Annotated[Path | None, typer.Option(help="Plot the mean gap against cost (PNG, SVG or PDF).")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep the finished runs of an interrupted bench.")] = False,
) -> None:
    """Replays methods on a table over many seeds, without database or orchestrator, and compares them."""
    from tansaku.tasks.act.checks.kept_files import load_file
    from tansaku.tasks.act.replay.bench import run_bench
    from tansaku.tasks.act.replay.records import BenchOptions

    cost, fraction = _parse_budget(budget)
    options = BenchOptions(
        methods=_parse_methods(methods),
        seeds=_parse_seeds(seeds),
        jobs=jobs,
        budget=cost,
        budget_fraction=fraction,
        resume=resume,
        count_initial=count_initial,
        within=within,
        in_flight=in_flight,
        cost_power=cost_power,
        spread=spread,
    )
    campaign = load_file(file, None, lambda: opened(None))
    with _progress(campaign, options) as on_progress:
        result = run_bench(campaign, options, out, on_progress)
    _show(result)
    say(f"written: {out}")
    if figure is not None:
        from tansaku.tasks.act.replay.figure import draw_gaps

        say(f"drawn: {draw_gaps(result, figure)}")


def _parse_methods(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not names:
        raise ConfigurationError(f"--methods: {text!r} names no method")
    return names


def _parse_seeds(text: str) -> tuple[int, ...]:
    if match := re.fullmatch(r"(\d{1,9})", text):
        seeds = tuple(range(int(match[1])))
    elif match := re.fullmatch(r"(\d{1,9})-(\d{1,9})", text):
        seeds = tuple(range(int(match[1]), int(match[2]) + 1))
    else:
        raise ConfigurationError(f"--seeds: {text!r}; expected a number such as 10, or a range such as 10-19")
    if not 0 < len(seeds) <= 100_000:
        raise ConfigurationError(f"--seeds: {text!r} is {len(seeds)} seeds; expected 1 to 100000")
    return seeds


def _parse_budget(text: str | None) -> tuple[float | None, float | None]:
    """Returns cost and share; at least one of them is None."""
    if text is None:
        return None, None
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        number = float("nan")
    percent = text.endswith("%")
    if not 0 < number < float("inf") or (percent and number > 100):
        raise ConfigurationError(f"--budget: {text!r}; expected a positive cost such as 100000, or a share such as 0.3%")
    return (None, number / 100) if percent else (number, None)


@contextmanager
def _progress(campaign: LoadedCampaign, options: BenchOptions) -> Iterator[OnProgress | None]:
    """Shows a progress bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    from tansaku.tasks.act.replay.records import ReplayTask

    total = len(options.methods) * len(options.seeds)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[done]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        whole = bars.add_task(campaign.spec.name, total=total, done=f"0/{total} runs")
        known: dict[tuple[str, int], float] = {}

        def note(task: ReplayTask, n_evaluations: int, share: float) -> None:
            known[task.method, task.seed] = share
            ended = sum(part >= 1 for part in known.values())
            bars.update(
                whole,
                completed=sum(known.values()),
                done=f"{ended}/{total} runs; {task.method}, seed {task.seed}: {n_evaluations} evaluations",
            )

        yield note


def _show(result: BenchResult) -> None:
    from tansaku.tasks.act.replay.summary import checkpoints, summarise

    costs = checkpoints(result)
    shares = [f"{100 * cost / result.exhaustive_cost:.3g}%" for cost in costs]
    found = summarise(result, costs)
    if all(summary.volume is not None for summary in found):
        volumes: list[Sequence[Cell]] = [
            (summary.method, *(summary.volume or ()), round(summary.evaluations), round(summary.seconds, 1))
            for summary in found
        ]
        title = "dominated hypervolume as a share of the true front's, at fractions of the exhaustive cost"
        show_table(["method", *shares, "n", "s"], volumes, title=title)
        return
    unit = result.provenance["objective"]["unit"]
    rows: list[Sequence[Cell]] = [
        (
            summary.method,
            *summary.mean_gap,
            round(summary.n_exact, 1),
            round(summary.n_within, 1),
            summary.worst_gap,
            round(summary.evaluations),
            round(summary.seconds, 1),
        )
        for summary in found
    ]
    within = f"≤{result.provenance['within']:g}"
    show_table(
        ["method", *shares, "exact", within, "worst", "n", "s"],
        rows,
        title=f"mean gap [{unit}] over {counted(result.provenance['systems'], 'system')}, at fractions of the exhaustive cost",
    )
