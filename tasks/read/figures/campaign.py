"""All figures of one campaign."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.rooms import code_behind, figure_sets
from tansaku.models.domain.wording import pretty_unit
from tansaku.tasks.read.figures import (
    barrier_profile,
    best_value,
    chemical_potential,
    composition_map,
    energy_angle,
    energy_density,
    energy_family,
    first_look,
    parameters,
    parity,
    proposals,
    spectrum,
    structures,
)
from tansaku.tasks.read.figures import convergence as convergence_figure
from tansaku.tasks.read.figures import cost as cost_figure
from tansaku.tasks.read.figures import front as front_figure
from tansaku.tasks.read.figures import hull as hull_figure
from tansaku.tasks.read.figures import looks as looks_figure
from tansaku.tasks.read.figures.drawing import Drawing, drawn
from tansaku.tasks.read.figures.first_look import looks_of
from tansaku.tasks.read.figures.style import footnote
from tansaku.tasks.read.views import results
from tansaku.tasks.read.views.best_values import best_values_found
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.campaign_figures import LAST_PROPOSALS, certificate_lines, proposal_points
from tansaku.tasks.read.views.compositions import composition_maps
from tansaku.tasks.read.views.costs import MEASURED_UNIT, cost_unit
from tansaku.tasks.read.views.fronts import campaign_front
from tansaku.tasks.read.views.hull import Hull, drawn_hull
from tansaku.tasks.read.views.levels import look_values
from tansaku.tasks.read.views.origins import sources_told
from tansaku.tasks.read.views.predictions import relevance_history
from tansaku.tasks.read.views.proposals import last_proposals
from tansaku.tasks.read.views.structures import best_structures

MOST_STRUCTURES = 16
_GAPS = ("mean_gap", "worst_gap")
_PREDICTED = ("mean", "deviation", "value")
_ENERGIES = ("energy_per_atom", "formation_energy", "energy_above_hull")
_PER_ATOM = "eV/atom"


def _structure_pictures(data: Campaign, artifacts: ArtifactStore) -> tuple[list[structures.BoundaryPicture], str]:
    """Pictures of the best structures, and a note if there are too many for all of them."""
    best, note = best_structures(data, artifacts), ""
    if len(best) > MOST_STRUCTURES:
        note = f"the {MOST_STRUCTURES} boundaries of {len(best)} with the lowest energies"
        lowest = sorted(best, key=lambda item: item.value)[:MOST_STRUCTURES]
        best = [item for item in best if item in lowest]
    unit, given = pretty_unit(data.spec.objective.unit), data.spec.space.reference_crystal
    if given is None:
        return [], note
    crystal = structures.crystal_neighbours(given)
    pictures = [
        structures.picture(item.atoms, title, crystal, symmetric=not item.row.get("upper_plane"))
        for item in sorted(best, key=lambda item: float(item.row["angle"]))
        for title in (f"{results.system_label(item.row)}  {item.value:.0f} {unit}",)
    ]
    return pictures, note


def draw_campaign(data: Campaign, artifacts: ArtifactStore, folder: Path) -> list[Path]:
    """Draws what a campaign has so far, each figure as PNG. Each says whose values it shows.

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
    with sourced(data):
        return drawn(drawings_of(data, artifacts), folder, data.record.name)


def sourced(data: Campaign) -> AbstractContextManager[None]:
    """Adds the origin of a campaign's values below figures that are drawn in this context."""
    return footnote(sources_told(data.spec, data.columns))


def drawings_of(data: Campaign, artifacts: ArtifactStore) -> list[Drawing]:
    """The figures that a campaign has so far.

    Every campaign gets the best value over evaluations, the convergence and, if its proposer predicts, predicted against
    computed, calibration, why the last candidates were proposed, what may remain in each system, and what matters to the
    model; one with several objectives its
    front; one of crystals of two or three elements the phase diagram; one with pre-screening which values were computed and
    which predicted; one with levels its looks beside full values; one that learns its cost predicted against actual cost;
    one of grain boundaries also energy against angle, energy against the number of atoms where that is searched, and the
    best structures; one of compositions the map over the ions, the paths of the best, the model's errors over the rounds,
    and what matters to it; one of parameters or of a table its evaluations over the parameters, slices and a contour of the
    model, and what matters to it; one of segregation the spectrum of its energies; one of boundaries of compounds their
    energies over a chemical potential; one of a bottleneck the surface, the
    path, the barrier against the evaluations, and diffusion against temperature.

    Raises:
        ConfigurationError: Nothing has a value yet.
    """
    unit, costs_in = data.spec.objective.unit, {"cost": cost_unit(data.spec.space) or "1"}
    values, gaps = (costs_in | dict.fromkeys(names, unit) for names in (("value", "best", "best_of_system"), _GAPS))
    made = [
        Drawing.by(best_value.draw_png, "best-value-over-evaluations", best_values_found(data), units=values),
        Drawing.by(convergence_figure.draw_png, "convergence", results.convergence(data), units=gaps),
    ]
    if (front := campaign_front(data)) is not None:
        units = {axis.name: axis.unit for axis in front.axes}
        made.append(Drawing("front", front_figure.table(front), partial(front_figure.draw_png, front), units=units))
    expected = results.predictions(data)
    if len(expected.value) >= parity.LEAST:
        made.append(Drawing.by(parity.draw_png, "parity", expected, units=dict.fromkeys(_PREDICTED, unit)))
        made.append(parity.calibration_drawing(expected))
    if (looks := looks_of(data)) is not None:
        made.append(Drawing.by(first_look.draw_png, "first-look", looks, units=dict.fromkeys(("values", "deviations"), unit)))
    if (beside := look_values(data)) is not None:
        units = {"look": beside.shared_unit, "full": beside.unit}
        made.append(Drawing.by(looks_figure.draw_png, "looks", beside, units=units))
    if (diagram := drawn_hull(data)) is not None:
        made.append(
            Drawing("hull", _phases(diagram), partial(hull_figure.draw_png, diagram), units=dict.fromkeys(_ENERGIES, _PER_ATOM))
        )
    made += _of_the_proposer(data)
    costs = data.cost_comparison
    if costs is not None and len(costs.actual) >= cost_figure.LEAST:
        made.append(
            Drawing.by(cost_figure.draw_png, "cost", costs, units=dict.fromkeys(("predicted", "actual"), MEASURED_UNIT))
        )
    return made + _further_figures(data, artifacts)


def _phases(diagram: Hull) -> dict[str, list[object]]:
    """The phases of a diagram as columns; what an unstable one decomposes into is no single cell."""
    return {name: [row[name] for row in diagram.listed] for name in ("phase", "formula", *_ENERGIES, "stable", "given")}


def _of_the_proposer(data: Campaign) -> list[Drawing]:
    """Figures of why the last proposals were chosen, of what may remain in each system, and of what matters to the model."""
    unit, made = data.spec.objective.unit, []
    if (points := proposal_points(last_proposals(data, LAST_PROPOSALS)[::-1])) is not None:
        made.append(proposals.acquisition_drawing(points, unit))
    lines = None if data.certificate is None else certificate_lines(data.certificate)
    if lines is not None and any(tolerance is not None for tolerance in lines.tolerance):
        made.append(proposals.certificate_drawing(lines, unit))
    return made + parameters.importance_drawings(data)


def _further_figures(data: Campaign, artifacts: ArtifactStore) -> list[Drawing]:
    """The figures that the description of the space names, where the installation has them."""
    further = data.spec.space.description.figures
    found = figure_sets().get(further)
    if found is None:
        return []
    made: list[Drawing] = code_behind("figures", further, found.opener)(data, artifacts)
    return made


def boundary_figures(data: Campaign, artifacts: ArtifactStore) -> list[Drawing]:
    """Energy against angle, of twists and inclinations in figures of their own, against the number of atoms, and structures."""
    unit, curve = data.spec.objective.unit, energy_angle.energy_curve(data)
    made = [
        Drawing(
            family.stem,
            energy_family.table(family),
            partial(energy_family.draw_png, family),
            units={family.column: "degree", "energy": unit, "read_shockley_wolf": unit},
        )
        for family in energy_family.energy_families(data)
    ]
    # Inclinations of one misorientation would all stand on one line.
    if not made or curve.angle[-1] - curve.angle[0] > energy_angle.ONE_ANGLE:
        units = {"angle": "degree", "searched": unit, "polished": unit, "fitted": unit}
        made.insert(0, Drawing.by(energy_angle.draw_png, "energy-angle", curve, units=units))
    if data.spec.space.densities:
        curves = energy_density.density_curves(data)
        draw = partial(energy_density.draw_png, curves, unit=unit)
        made.append(Drawing("energy-density", energy_density.table(curves), draw, units={"energy": unit}))
    pictures, some = _structure_pictures(data, artifacts)
    sources = "; ".join(filter(None, (some, sources_told(data.spec, data.columns))))
    # A label's energies of the atoms are not those that the stored structure carries.
    colours = "" if data.spec.calculator is None else f"; colours: energies of the atoms by {data.spec.calculator.type}"
    if pictures:
        atoms, units = structures.table(pictures), {"x": "Angstrom", "z": "Angstrom", "excess": "eV"}
        draw = partial(structures.draw_png, pictures)
        made.append(Drawing("structures", atoms, draw, note=sources + colours, units=units))
        draw = partial(structures.draw_coordination_png, pictures)
        made.append(Drawing("structures-coordination", atoms, draw, note=sources, units=units))
    return made


def composition_figures(data: Campaign, _artifacts: ArtifactStore) -> list[Drawing]:
    """The map over the ions, the paths of the best, the model's errors over the rounds, and what matters to it."""
    unit = data.spec.objective.unit
    expected, maps = results.predictions(data), composition_maps(data)
    made = []
    if composition_map.drawable(maps):
        draw = partial(composition_map.draw_png, maps, quantity=data.value_key, unit=unit)
        made.append(Drawing("map", composition_map.table(maps), draw, units=dict.fromkeys(("value", "deviation"), unit)))
    if len(expected.value) >= parity.LEAST:
        made.append(Drawing.by(parity.draw_rounds, "rounds", expected, units=dict.fromkeys(_PREDICTED, unit)))
    if ways := barrier_profile.profiles(data):
        made.append(Drawing.by(barrier_profile.draw_png, "profiles", ways, units={"distance": "Angstrom", "energy": "eV"}))
    if (mattered := relevance_history(data)) is not None:
        made.append(proposals.relevance_drawing(mattered))
    return made


def parameter_figures(data: Campaign, _artifacts: ArtifactStore) -> list[Drawing]:
    """Evaluations over the parameters; where there is a model, its slices, a contour of what matters most, and what matters."""
    made = parameters.drawings(data)
    mattered = relevance_history(data) if made else None
    return made if mattered is None else [*made, proposals.relevance_drawing(mattered)]


def segregation_figures(data: Campaign, _artifacts: ArtifactStore) -> list[Drawing]:
    """The spectrum of the segregation energies."""
    return spectrum.drawings(data)


def compound_boundary_figures(data: Campaign, _artifacts: ArtifactStore) -> list[Drawing]:
    """Energies over the chemical potential of the unit, or of both units, that boundaries exchange with their surroundings."""
    return chemical_potential.drawings(data)
