"""POTCARs by content, what is missing by name."""

import pytest
from pydantic import ValidationError

from tansaku.calculators.engines.vasp import VaspCalculator
from tansaku.calculators.engines.vasp_inputs import changed_tags, find_potcars, found_releases
from tansaku.models.domain.errors import ConfigurationError, MissingComponentError
from tansaku.models.domain.specs.calculators.vasp import VaspSpec


def spec(**changes):
    return VaspSpec.model_validate({"potcars": {"Al": "Al", "Cu": "Cu"}, **changes})


def test_potcars_are_known_by_content(vasp, tmp_path):
    found = find_potcars(spec())
    assert found.titels == {"Al": "PAW_PBE Al 01Jan2000", "Cu": "PAW_PBE Cu 01Jan2000"}
    assert found.sha256 != find_potcars(spec(potcars={"Al": "Al"})).sha256
    assert find_potcars(spec(potcars_sha256=found.sha256)) == found
    changed = tmp_path / "vasp" / "potcars" / "POT_GGA_PAW_PBE_54" / "Al" / "POTCAR"
    changed.write_text(changed.read_text().replace("1.900", "2.000"))
    with pytest.raises(ConfigurationError, match=r"potcars_sha256.*\n.*hint: use the release"):
        find_potcars(spec(potcars_sha256=found.sha256))
    assert found_releases() == ["PBE_54"]


def test_what_is_missing_says_what_to_install(vasp, tmp_path, monkeypatch):
    with pytest.raises(MissingComponentError, match=r"potcars\.Al: no POTCAR Al_GW of release PBE_54\n.*PMG_VASP_PSP_DIR"):
        find_potcars(spec(potcars={"Al": "Al_GW"}))
    with pytest.raises(MissingComponentError, match="no POTCAR Al of release PBE_64"):
        find_potcars(spec(release="PBE_64"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingComponentError, match=r"needs the program vasp_std\n  hint: VASP is licensed"):
        VaspCalculator(spec())
    from pymatgen.core import SETTINGS

    monkeypatch.delitem(SETTINGS, "PMG_VASP_PSP_DIR")
    with pytest.raises(MissingComponentError, match="PMG_VASP_PSP_DIR"):
        find_potcars(spec())


def test_a_wrong_potcar_is_told_before_anything_is_spent(vasp, tmp_path):
    with pytest.raises(ConfigurationError, match=r"potcars\.Al: Cu is of Cu, expected a POTCAR of Al"):
        find_potcars(spec(potcars={"Al": "Cu"}))
    other = tmp_path / "vasp" / "potcars" / "POT_GGA_PAW_PBE_54" / "Al" / "POTCAR"
    other.write_text(other.read_text().replace("LEXCH  = PE", "LEXCH  = CA"))
    with pytest.raises(ConfigurationError, match="has LEXCH CA, expected one of release PBE_54"):
        find_potcars(spec())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"xc": "LDA"}, "expected an LDA release"),
        ({"release": "LDA_54"}, "expected a PBE release"),
        ({"smearing": {"type": "marzari_vanderbilt"}}, "expected fermi_dirac or methfessel_paxton"),
        ({"relaxation": {"cell": "normal"}}, "expected fixed or full"),
        ({"magnetic_moments": {"Al": 1.0}}, "spin: true"),
        ({"potcars": {"Al": "../Al"}}, "pattern"),
    ],
)
def test_keys_that_do_not_go_together_are_refused(changes, said):
    with pytest.raises(ValidationError, match=said):
        spec(**changes)


def test_only_tags_of_the_level_count_as_changed():
    asked = {"ENCUT": 300.0, "GGA": "PE", "ISMEAR": 1, "ISPIN": 1, "SIGMA": 0.2, "PREC": "Accurate", "LREAL": False, "LASPH": 1}
    assert changed_tags(asked, {**asked, "NELM": 5, "PREC": "accurate", "GGA": "Pe"}) == []
    said = changed_tags(asked, {**asked, "ISMEAR": 0, "SIGMA": 0.05})
    assert said == ["ISMEAR is 0, expected 1", "SIGMA is 0.05, expected 0.2"]
