"""Two levels of theory are distinguished, and the message names both."""

import pytest

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.level_of_theory import check_level, level_in_words
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.calculators.buckingham import BuckinghamSpec
from tansaku.models.domain.specs.calculators.chgnet import ChgnetSpec
from tansaku.models.domain.specs.calculators.emt import EmtSpec
from tansaku.models.domain.specs.calculators.gpaw import GpawSpec
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec

SETUPS = "a" * 64


def gpaw(**changes):
    return GpawSpec(setups_sha256=SETUPS, **changes).model_dump(mode="json")


def of(calculator, model="PBE", sha256=SETUPS):
    return Provenance(code="gpaw", code_version="1", model=model, model_sha256=sha256, settings=calculator)


def test_the_campaign_s_own_level_passes_whatever_the_version_and_relaxation():
    check_level(gpaw(), of(gpaw(relaxation={"fmax": 0.5})), "x")
    check_level(gpaw(), of(gpaw()).model_copy(update={"code_version": "2", "host": "elsewhere"}), "x")
    check_level(EmtSpec().model_dump(mode="json"), Provenance(code="ase-emt", code_version="3", model="EMT"), "x")
    chgnet = ChgnetSpec().model_dump(mode="json")
    check_level(chgnet, Provenance(code="chgnet", code_version="0", model="0.3.0", settings={"dtype": "float32"}), "x")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"cutoff": 300.0}, ("cutoff 300.0", "cutoff 400.0")),
        ({"xc": "LDA"}, ("gpaw PBE", "gpaw LDA")),
        ({"kpoint_density": 3.0}, ("kpoint_density 3.0", "kpoint_density 4.0")),
        ({"spin": True}, ("spin True",)),
        ({"smearing": {"width": 0.3}}, ("smearing fermi_dirac 0.3", "smearing fermi_dirac 0.1")),
    ],
)
def test_every_setting_of_dft_is_part_of_the_level(other, words):
    mine, theirs = gpaw(**other), gpaw()
    with pytest.raises(StoreError, match="evaluation 7 was computed by gpaw") as caught:
        check_level(mine, of(theirs), "evaluation 7")
    for word in words:
        assert word in caught.value.message


def test_a_level_names_ions_and_their_pairs():
    pairs = [
        {"between": ["Mg", "Mg"]},
        {"between": ["Mg", "O"], "A": 800, "rho": 0.3},
        {"between": ["O", "O"], "A": 9000, "rho": 0.1},
    ]
    spec = BuckinghamSpec.model_validate({"charges": {"Mg": 2, "O": -2}, "pairs": pairs})
    expected = "buckingham (charges Mg 2.0 O -2.0, pairs Mg-Mg 0.0 0.0; Mg-O 800.0 0.3 0.0; O-O 9000.0 0.1 0.0, cutoff 10.0)"
    assert level_in_words(spec.model_dump(mode="json")) == expected


def test_another_code_potential_model_or_setups_is_another_level():
    with pytest.raises(StoreError, match=r"by ase-emt EMT; the campaign computes by gpaw PBE"):
        check_level(gpaw(), Provenance(code="ase-emt", code_version="3", model="EMT"), "x")
    with pytest.raises(StoreError, match=r"SHA-256 bbbbbbbbbbbb.*SHA-256 aaaaaaaaaaaa"):
        check_level(gpaw(), of(gpaw(), sha256="b" * 64), "x")
    lammps = LammpsSpec(potential="a.eam.alloy", potential_sha256="c" * 64).model_dump(mode="json")
    with pytest.raises(StoreError, match=r"lammps b\.eam\.alloy .*lammps a\.eam\.alloy"):
        check_level(lammps, Provenance(code="lammps", code_version="1", model="b.eam.alloy", model_sha256="d" * 64), "x")
    chgnet = ChgnetSpec().model_dump(mode="json")
    with pytest.raises(StoreError, match=r"chgnet r2scan; the campaign computes by chgnet 0\.3\.0"):
        check_level(chgnet, Provenance(code="chgnet", code_version="0", model="r2scan"), "x")
