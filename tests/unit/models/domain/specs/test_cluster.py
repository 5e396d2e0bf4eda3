from __future__ import annotations

import pytest
from pydantic import ValidationError

from tansaku.models.domain.specs.cluster import FireworksLauncherSpec, SlurmResourcesSpec

FIELDS = ("partition", "account", "qos", "constraint", "memory")


def site(**keys: object) -> FireworksLauncherSpec:
    return FireworksLauncherSpec.model_validate({"folder": "/shared/tansaku", **keys})


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", ["a\n", "a\n#SBATCH --uid=0", "a b", "$(x)", "`x`", "a;b", "-x", "", "a'b", "é", "a" * 200])
def test_no_field_takes_more_than_a_word(field, value):
    with pytest.raises(ValidationError):
        SlurmResourcesSpec.model_validate({field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("partition", "long.q_2-b"),
        ("constraint", "skylake&nvme|haswell"),
        ("memory", "4000M"),
        ("memory", "64G"),
        ("qos", "high"),
    ],
)
def test_what_slurm_knows_passes(field, value):
    assert getattr(SlurmResourcesSpec.model_validate({field: value}), field) == value


@pytest.mark.parametrize("folder", ["relative", "/a b", "/a\n", "/a;b", "/$HOME", "~/x", ""])
def test_the_folder_is_an_absolute_path_without_anything_a_shell_reads(folder):
    with pytest.raises(ValidationError):
        site(folder=folder)


CLASSES = [
    {"calculator": "lammps", "cost_above": 1000, "resources": {"walltime": 7200, "memory": "16G"}},
    {"calculator": "lammps", "resources": {"walltime": 600}},
    {"cost_above": 50, "resources": {"partition": "long"}},
]


@pytest.mark.parametrize(
    ("calculator", "cost", "expected"),
    [
        ("lammps", 2000.0, ("short", 7200, "16G")),
        ("lammps", 1000.0, ("short", 600, None)),
        ("lammps", 0.0, ("short", 600, None)),
        ("emt", 60.0, ("long", 3600, None)),
        ("emt", 50.0, ("short", 3600, None)),
    ],
)
def test_the_first_class_that_fits_replaces_what_it_names(calculator, cost, expected):
    spec = site(resources={"partition": "short", "walltime": 3600}, classes=CLASSES)
    found = spec.resources_for(calculator, cost)
    assert (found.partition, found.walltime, found.memory) == expected
