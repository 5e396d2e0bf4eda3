"""What a committee says of a pool, against what it says of each structure."""

from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.domain.surrogates import TrainingRun
from tansaku.potentials.network.pool import shares
from tansaku.potentials.specs.network import PotentialSpec

torch = pytest.importorskip("torch")

from tansaku.potentials.network.pool import PotentialPool  # noqa: E402
from tansaku.potentials.network.training import PotentialTrainer  # noqa: E402

SPEC = PotentialSpec.model_validate(
    {
        "environment": {"type": "symmetry_functions", "cutoff": 4.5, "radial": 4, "angular": 2, "zetas": (1,)},
        "hidden": (5, 4),
        "members": 3,
        "trainer": {"type": "levenberg_marquardt", "cycles": 3},
    }
)


@pytest.fixture(scope="module")
def structures(emt_examples):
    return [one.structure for one in emt_examples()]


@pytest.fixture(scope="module")
def model(emt_examples):
    return PotentialTrainer(SPEC).fit(emt_examples(), TrainingRun(seed=0))


@pytest.fixture(scope="module")
def said(structures, model):
    """Energies per atom ``(n_structures, n_members)``; of each structure the forces ``(n_members, n_atoms, 3)``."""
    found = [model.evaluate(one) for one in structures]
    return np.array([one.energies.sum(axis=1) / one.energies.shape[1] for one in found]), [one.forces for one in found]


@pytest.mark.parametrize("softening", [None, 0.4])
@pytest.mark.parametrize("of", ["energy", "forces", "both"])
def test_spread_is_that_of_the_members_as_the_loss_counts_it(structures, model, said, of, softening):
    energies, forces = said
    spec = SPEC.model_copy(update={"softening": softening, "force_weight": 0.3})
    seen = PotentialPool(SPEC.environment, structures, model.species).seen_by(replace(model, spec=spec), of)
    parts = {"energy": energies.var(axis=1, ddof=1), "forces": np.array([one.var(axis=0, ddof=1).mean() for one in forces])}
    parts["both"] = parts["energy"] + 0.3 * parts["forces"]
    squares = np.array([(one.mean(axis=0) ** 2).mean() for one in forces])
    counts = 1.0 if softening is None else 1.0 / (1.0 + squares / softening**2)
    np.testing.assert_allclose(seen.spread, np.sqrt(parts[of] * counts), rtol=1e-8)
    np.testing.assert_allclose(seen.energies.T, energies, rtol=1e-10)
    np.testing.assert_allclose(seen.energy_spread, energies.std(axis=1, ddof=1), rtol=1e-6)
    assert np.ptp(squares) > 0.01


def test_one_of_the_size_of_the_softening_counts_half():
    np.testing.assert_allclose(shares(0.5, np.array([0.0, 0.25, 4.75])), [1.0, 0.5, 0.05])


def test_without_softening_all_count_alike():
    assert (shares(None, np.array([0.0, 1e6])) == 1.0).all()
