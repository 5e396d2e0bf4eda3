"""Permutations of sites that are symmetries of a parent structure."""

from __future__ import annotations

import numpy as np
import spglib

from tansaku.calculators.structures.parent import Parent

_UNRELATED = 0.5


def site_permutations(parent: Parent, tolerance: float) -> tuple[dict[str, str], ...]:
    """Permutations of the sites that an isometry of the parent's positions causes, the identity included.

    Two compositions are one structure, up to an isometry, when such a permutation maps the ions of one onto the other's.

    Args:
        parent: The parent; the ions on its sites do not matter.
        tolerance: Distance within which atoms count as equivalent [Å].

    Returns:
        Site to the site it is mapped onto, in lexicographic order.
    """
    names = list(parent.multiplicity)
    codes = np.array([names.index(site) for site in parent.sites])
    cell = (parent.cell.tolist(), parent.fractions.tolist(), [1] * len(codes))
    found = spglib.get_symmetry(cell, symprec=tolerance)
    operations = [] if found is None else list(zip(found["rotations"], found["translations"], strict=True))
    permutations = {tuple(range(len(names)))}
    for rotation, translation in operations:
        images = parent.fractions @ rotation.T + translation
        apart = images[:, None, :] - parent.fractions[None, :, :]
        apart -= np.rint(apart)
        distances = np.linalg.norm(apart @ parent.cell, axis=2)
        onto = codes[distances.argmin(axis=1)]
        targets = [np.unique(onto[codes == code]) for code in range(len(names))]
        if all(len(target) == 1 for target in targets) and distances.min(axis=1).max() < _UNRELATED:
            permutations.add(tuple(int(target[0]) for target in targets))
    return tuple({names[i]: names[j] for i, j in enumerate(permutation)} for permutation in sorted(permutations))
