"""Refining the hops of a campaign's surface with the campaign's own calculator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from tansaku.calculators.engines.electronic import TOTAL_CHARGE
from tansaku.calculators.workflows.migration.checkpoint import Checkpoint
from tansaku.diffusion.hops.refinement import Refinement, RefinementSettings, Refiner
from tansaku.diffusion.tasks.surface import CampaignSurface
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import content_hash
from tansaku.models.domain.ports import Calculator, SurfaceSpace
from tansaku.tasks.node.jobs.opened import opened_calculator
from tansaku.tasks.read.views.campaign import Campaign

_PARTS = ".parts"


def refine_surface(data: Campaign, surface: CampaignSurface, folder: Path, settings: RefinementSettings) -> Refinement:
    """Relaxes minima and saddle points up to the bottleneck of the goal's path.

    Args:
        surface: What it found.
        folder: Where finished parts are kept, so that a killed refinement continues.
        settings: How; the host is as rigid as in the campaign.

    Raises:
        ConfigurationError: There is no path to refine, or the campaign's values are no calculator's.
    """
    easiest = surface.network.percolations[surface.goal.dimensions - 1]
    if easiest is None:
        raise ConfigurationError(f"--refine: no path in {surface.goal.dimensions} dimension(s) is known")
    spec, space = data.spec.calculator, surface.space
    if spec is None or data.spec.manual:
        raise ConfigurationError("--refine: the campaign has no calculator that computes forces")
    settings = replace(settings, rigid=space.rigid)
    calculator = opened_calculator(spec, data.record.base_path)
    key = _key(calculator, space, surface, settings)
    refiner = Refiner(calculator, space.structure_at, settings, Checkpoint(folder / _PARTS, key))
    return refiner.refine(surface.network, surface.paths, easiest.level)


def _key(calculator: Calculator, space: SurfaceSpace, surface: CampaignSurface, settings: RefinementSettings) -> str:
    """Hash of all that finished parts depend on."""
    atoms = space.structure_at(np.zeros(3))
    return content_hash(
        {
            "provenance": calculator.provenance.model_dump(mode="json"),
            **({TOTAL_CHARGE: atoms.info[TOTAL_CHARGE]} if TOTAL_CHARGE in atoms.info else {}),
            "numbers": atoms.numbers.tolist(),
            "positions": atoms.positions.tolist(),
            "cell": atoms.cell.array.tolist(),
            "grid": list(surface.grid.shape),
            "settings": [
                settings.method,
                settings.images,
                settings.fmax,
                settings.max_steps,
                settings.rigid,
                settings.vibrations,
            ],
        }
    )
