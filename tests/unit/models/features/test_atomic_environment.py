import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from tansaku.models.domain.specs.descriptors import RadialDescriptorSpec, SoapDescriptorSpec
from tansaku.models.features.atomic_environment import environment_features, feature_counts, radial_features

pytestmark = pytest.mark.needs("matscipy")


def test_radial_functions_of_a_pair_are_gaussians_of_its_distance():
    spec = RadialDescriptorSpec(cutoff=5.0, shortest=2.0, widths=(0.5, 1.0))
    distance = 2.7
    found = radial_features(Atoms("Cu2", [(0, 0, 0), (0, 0, distance)]), spec, ["Cu"])
    fade = 0.5 * (1 + np.cos(np.pi * distance / 5.0))
    expected = np.concatenate(
        [np.exp(-0.5 * ((distance - np.arange(2.0, 5.0, width)) / width) ** 2) * fade for width in (0.5, 1.0)]
    )
    assert found.shape == (2, 6 + 3)
    assert found[0] == pytest.approx(expected)
    assert found[1] == pytest.approx(expected)


def test_neighbours_of_each_element_are_counted_apart():
    spec = RadialDescriptorSpec(cutoff=4.0, widths=(1.0,))
    atoms = Atoms("CuAu", [(0, 0, 0), (0, 0, 2.5)])
    found = radial_features(atoms, spec, ["Au", "Cu"])
    size = found.shape[1] // 2
    assert found[0, :size].any()
    assert not found[0, size:].any()
    assert found[1, size:].any()
    assert not found[1, :size].any()


def test_an_atom_without_neighbours_sees_nothing():
    assert not radial_features(Atoms("Cu"), RadialDescriptorSpec(), ["Cu"]).any()


def test_radial_functions_fade_out_at_the_cutoff():
    spec = RadialDescriptorSpec(cutoff=4.0, widths=(0.5,))
    near, far = (
        radial_features(Atoms("Cu2", [(0, 0, 0), (0, 0, distance)]), spec, ["Cu"]).sum() for distance in (3.999, 4.001)
    )
    assert 0 < near < 1e-5
    assert far == 0


@pytest.mark.parametrize("change", [{"cutoff": 5.5}, {"widths": (0.3,)}, {"shortest": 2.4}])
def test_every_knob_of_the_radial_functions_matters(change):
    crystal = bulk("Cu", cubic=True)
    base = {"cutoff": 5.0, "widths": (0.4,), "shortest": 2.0}
    one = radial_features(crystal, RadialDescriptorSpec(**base), ["Cu"])
    other = radial_features(crystal, RadialDescriptorSpec(**(base | change)), ["Cu"])
    assert one.shape != other.shape or not np.allclose(one, other)


@pytest.mark.parametrize(
    "change", [{"cutoff": 4.0}, {"radial": 4}, {"angular": 2}, {"smearing": 0.7}, {"compression": "mu1nu1"}]
)
def test_every_knob_of_soap_matters(require, change):
    require("dscribe")
    crystal = bulk("Cu", cubic=True)
    base = {"cutoff": 5.0, "radial": 3, "angular": 3, "smearing": 0.4}
    one = environment_features(crystal, [SoapDescriptorSpec(**base)], ["Cu"])
    other = environment_features(crystal, [SoapDescriptorSpec(**(base | change))], ["Cu"])
    assert one.shape != other.shape or not np.allclose(one, other)


def test_compressed_soap_grows_with_the_number_of_elements_and_not_with_its_square(require):
    require("dscribe")
    soap = SoapDescriptorSpec(radial=3, angular=2, compression="mu1nu1")
    few, many = (feature_counts([soap], species)[0] for species in (["O", "Al"], ["O", "Al", "Mg", "Ti", "Zr", "Sr"]))
    assert many == 3 * few
    assert feature_counts([soap.model_copy(update={"compression": "off"})], ["O", "Al", "Mg", "Ti", "Zr", "Sr"])[0] > 1.5 * many


def test_a_spec_without_compression_is_what_it_was_before_there_was_such_a_key():
    assert set(SoapDescriptorSpec().model_dump(mode="json")) == {"type", "cutoff", "radial", "angular", "smearing"}
    compressed = SoapDescriptorSpec(compression="mu1nu1")
    assert SoapDescriptorSpec.model_validate(compressed.model_dump(mode="json")) == compressed


def test_descriptors_stand_beside_each_other(require):
    require("dscribe")
    crystal = bulk("Cu", cubic=True)
    radial, soap = RadialDescriptorSpec(widths=(0.8,)), SoapDescriptorSpec(radial=2, angular=1)
    both = environment_features(crystal, [radial, soap], ["Cu"])
    parts = [environment_features(crystal, [one], ["Cu"]) for one in (radial, soap)]
    assert np.array_equal(both, np.hstack(parts))


def test_a_shortest_centre_beyond_the_cutoff_is_refused():
    with pytest.raises(ValueError, match="leaves no function below the cutoff"):
        RadialDescriptorSpec(cutoff=3.0, shortest=3.0)


def test_the_features_of_each_descriptor_are_counted(require):
    require("dscribe")
    descriptors = (RadialDescriptorSpec(widths=(0.1, 0.7)), SoapDescriptorSpec(radial=3, angular=2), RadialDescriptorSpec())
    atoms = bulk("Cu", cubic=True)
    for species in (["Cu"], ["Au", "Cu"]):
        counts = feature_counts(descriptors, species)
        found = [environment_features(atoms, [one], species).shape[1] for one in descriptors]
        assert list(counts) == found
        assert environment_features(atoms, descriptors, species).shape[1] == sum(counts)
