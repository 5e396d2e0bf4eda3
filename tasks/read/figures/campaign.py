"""All figures of one campaign."""

from __future__ import annotations

from pathlib import Path

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.rooms import code_behind, figure_sets
from tansaku.tasks.read.figures import (
    barrier_profile,
    composition_map,
    energy_angle,
    energy_density,
    first_look,
    parity,
    relevance,
    rounds,
    structures,
)
from tansaku.tasks.read.figures import convergence as convergence_figure
from tansaku.tasks.read.figures import cost as cost_figure
from tansaku.tasks.read.figures import front as front_figure
from tansaku.tasks.read.figures import hull as hull_figure
from tansaku.tasks.read.figures.first_look import looks_of
from tansaku.tasks.read.figures.style import footnote, pretty_unit
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.compositions import composition_maps
from tansaku.tasks.read.views.fronts import campaign_front
from tansaku.tasks.read.views.hull import drawn_hull
from tansaku.tasks.read.views.origins import sources_told
from tansaku.tasks.read.views.predictions import relevance_history
from tansaku.tasks.read.views.results import convergence, predictions, system_label
from tansaku.tasks.read.views.structures import best_structures

MOST_STRUCTURES = 16


def _structure_pictures(data: Campaign, artifacts: ArtifactStore) -> list[structures.BoundaryPicture]:
    best = best_structures(data, artifacts)
    if len(best) > MOST_STRUCTURES:
        lowest = sorted(best, key=lambda item: item.value)[:MOST_STRUCTURES]
        best = [item for item in best if item in lowest]
    unit = pretty_unit(data.spec.objective.unit)
    return [
        structures.picture(item.atoms, f"{system_label(item.row)}  {item.value:.0f} {unit}")
        for item in sorted(best, key=lambda item: float(item.row["angle"]))
    ]


def draw_campaign(data: Campaign, artifacts: ArtifactStore, folder: Path) -> list[Path]:
    """Draws what a campaign has so far, each figure as PNG and as HTML. Each says whose values it shows.

    Every campaign gets the convergence and, if its proposer predicts, predicted against computed; one with several objectives
    its front; one of crystals of two or three elements the phase diagram; one with pre-screening which values were computed
    and which predicted; one that learns its cost predicted against actual cost; one of grain boundaries also energy against
    angle, energy against the number of atoms where that is searched, and the best structures; one of compositions the map over
    the ions, the paths of the best, the model's errors over the rounds, and what matters to it; one of a bottleneck the
    surface, the path, the barrier against the evaluations, and diffusion against temperature.

    Args:
        folder: Made if it does not exist; files of the same name are overwritten.

    Returns:
        Paths of the files, in the order drawn.

    Raises:
        ConfigurationError: Nothing has a value yet, or the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"folder {str(folder)!r} cannot be created: {error.strerror}") from error
    with footnote(sources_told(data.spec, data.columns)):
        return _drawn(data, artifacts, folder)


def _drawn(data: Campaign, artifacts: ArtifactStore, folder: Path) -> list[Path]:
    name = data.record.name
    found = convergence(data)
    paths = [
        convergence_figure.draw_png(found, folder / f"{name}-convergence.png"),
        convergence_figure.draw_html(found, folder / f"{name}-convergence.html", name),
    ]
    front = campaign_front(data)
    if front is not None:
        paths += [
            front_figure.draw_png(front, folder / f"{name}-front.png"),
            front_figure.draw_html(front, folder / f"{name}-front.html", name),
        ]
    expected = predictions(data)
    if len(expected.value) >= parity.LEAST:
        paths += [
            parity.draw_png(expected, folder / f"{name}-parity.png"),
            parity.draw_html(expected, folder / f"{name}-parity.html", name),
        ]
    looks = looks_of(data)
    if looks is not None:
        paths += [
            first_look.draw_png(looks, folder / f"{name}-first-look.png"),
            first_look.draw_html(looks, folder / f"{name}-first-look.html", name),
        ]
    diagram = drawn_hull(data)
    if diagram is not None:
        paths += [
            hull_figure.draw_png(diagram, folder / f"{name}-hull.png"),
            hull_figure.draw_html(diagram, folder / f"{name}-hull.html", name),
        ]
    costs = data.cost_comparison
    if costs is not None and len(costs.actual) >= cost_figure.LEAST:
        paths += [
            cost_figure.draw_png(costs, folder / f"{name}-cost.png"),
            cost_figure.draw_html(costs, folder / f"{name}-cost.html", name),
        ]
    return paths + _further_figures(data, artifacts, folder)


def _further_figures(data: Campaign, artifacts: ArtifactStore, folder: Path) -> list[Path]:
    """Draws those that the description of the space names, where the installation has them."""
    further = data.spec.space.description.figures
    found = figure_sets().get(further)
    if found is None:
        return []
    files: list[Path] = code_behind("figures", further, found.opener)(data, artifacts, folder)
    return files


def boundary_figures(data: Campaign, artifacts: ArtifactStore, folder: Path) -> list[Path]:
    """Energy against angle, energy against the number of atoms where that is searched, and the best structures."""
    name = data.record.name
    curve = energy_angle.energy_curve(data)
    paths = [
        energy_angle.draw_png(curve, folder / f"{name}-energy-angle.png"),
        energy_angle.draw_html(curve, folder / f"{name}-energy-angle.html"),
    ]
    if data.spec.space.densities:
        curves, unit = energy_density.density_curves(data), data.spec.objective.unit
        paths += [
            energy_density.draw_png(curves, folder / f"{name}-energy-density.png", unit),
            energy_density.draw_html(curves, folder / f"{name}-energy-density.html", name, unit),
        ]
    pictures, sources = _structure_pictures(data, artifacts), sources_told(data.spec, data.columns)
    if data.spec.calculator is not None:
        # A label's energies of the atoms are not those that the stored structure carries.
        sources = f"{sources}; colours: energies of the atoms by {data.spec.calculator.type}"
    if pictures:
        with footnote(sources):
            paths += [
                structures.draw_png(pictures, folder / f"{name}-structures.png"),
                structures.draw_html(pictures, folder / f"{name}-structures.html", name),
            ]
    return paths


def composition_figures(data: Campaign, _artifacts: ArtifactStore, folder: Path) -> list[Path]:
    """The map over the ions, the paths of the best, the model's errors over the rounds, and what matters to it."""
    name, unit = data.record.name, data.spec.objective.unit
    expected, maps = predictions(data), composition_maps(data)
    paths = []
    if composition_map.drawable(maps):
        paths += [
            composition_map.draw_png(maps, folder / f"{name}-map.png", data.value_key, unit),
            composition_map.draw_html(maps, folder / f"{name}-map.html", name, data.value_key, unit),
        ]
    if len(expected.value) >= parity.LEAST:
        paths += [
            rounds.draw_png(expected, folder / f"{name}-rounds.png"),
            rounds.draw_html(expected, folder / f"{name}-rounds.html", name),
        ]
    ways = barrier_profile.profiles(data)
    if ways:
        paths += [
            barrier_profile.draw_png(ways, folder / f"{name}-profiles.png"),
            barrier_profile.draw_html(ways, folder / f"{name}-profiles.html", name),
        ]
    mattered = relevance_history(data)
    if mattered is not None:
        paths += [
            relevance.draw_png(mattered, folder / f"{name}-relevance.png"),
            relevance.draw_html(mattered, folder / f"{name}-relevance.html", name),
        ]
    return paths
