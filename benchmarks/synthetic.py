"""Random pools and smooth energies of the size of a real search, only for measurements of speed."""

from __future__ import annotations

import numpy as np

from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray, IntArray

DESCRIPTOR_BINS = 100


def boundary_pool(n_systems: int, grid_shape: tuple[int, int, int], *, shared_grid: bool, seed: int = 0) -> CandidatePool:
    """A pool shaped like grain boundaries: two surfaces for most systems, a grid of translations on each.

    Args:
        n_systems: Systems; every thirteenth has one surface only.
        grid_shape: Translations along each direction.
        shared_grid: Whether all surfaces have the same translations; otherwise each candidate's are its own.
        seed: Seeds descriptors, angles and costs.
    """
    rng = np.random.default_rng(seed)
    owner = np.array([s for s in range(n_systems) for _ in range(1 if s % 13 == 12 else 2)])
    axes = (np.linspace(0.0, stop, count) for stop, count in zip((0.8, 3.0, 1.4), grid_shape, strict=True))
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    surfaces: IntArray = np.repeat(np.arange(len(owner)), len(grid))
    translations, index = grid, np.tile(np.arange(len(grid)), len(owner))
    if not shared_grid:
        translations = np.tile(grid, (len(owner), 1)) + 0.02 * rng.standard_normal((len(surfaces), 3))
        index = np.arange(len(surfaces))
    angles = np.sort(rng.uniform(20.0, 160.0, n_systems))
    folded = (90.0 - np.abs(90.0 - angles))[:, None]
    descriptor = folded[owner] / 40.0 + 0.1 * np.cumsum(rng.standard_normal((len(owner), DESCRIPTOR_BINS)), axis=1)
    atoms = rng.integers(36, 388, n_systems)[owner] - 2.0 * (np.arange(len(owner)) % 2)
    names = tuple(f"d{i:03d}" for i in range(DESCRIPTOR_BINS))
    return CandidatePool(
        ids=np.array([f"c{i:07d}" for i in range(len(surfaces))]),
        systems=tuple(f"{angle:.3f}" for angle in angles),
        system_codes=owner[surfaces],
        surfaces=tuple(f"surface-{i:03d}" for i in range(len(owner))),
        surface_codes=surfaces,
        groups={
            "translation": FeatureGroup("translation", translations, index, ("x", "y", "z")),
            "structure": FeatureGroup("structure", descriptor, surfaces, names),
            "angle": FeatureGroup("angle", folded, owner[surfaces], ("folded_angle",)),
        },
        cost=atoms[surfaces],
    )


def smooth_energies(pool: CandidatePool, seed: int = 0) -> FloatArray:
    """Energies [mJ/m²] that are smooth in the translation and differ from surface to surface, shape ``(n_candidates,)``."""
    rng = np.random.default_rng(seed)
    group = pool.groups["translation"]
    x = group.values[group.index]
    waves, phases = rng.standard_normal((60, 3)) * np.array([3.0, 1.2, 2.5]), rng.uniform(0.0, 2.0 * np.pi, 60)
    heights = rng.standard_normal(60) + 0.5 * rng.standard_normal((len(pool.surfaces), 60))
    energies = np.einsum("ij,ij->i", np.cos(x @ waves.T + phases), heights[pool.surface_codes])
    return np.asarray(300.0 + 15.0 * energies + 40.0 * rng.standard_normal(len(pool.surfaces))[pool.surface_codes])
