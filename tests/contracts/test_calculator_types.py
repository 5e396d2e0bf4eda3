"""Every type of calculator is described completely: spec, facts and engine agree, and nothing unknown is opened."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import ClassVar, Literal, get_args

import pytest

from tansaku.calculators.calculator_registry import find_engine, known_elements, open_calculator
from tansaku.calculators.engine import Engine
from tansaku.models.domain.errors import ConfigurationError, StoreError
from tansaku.models.domain.level_of_theory import check_level, level_in_words
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.calculators.contract import CalculatorBase, CalculatorFacts
from tansaku.models.domain.specs.calculators.table import CALCULATORS, CalculatorSpec, calculator_type
from tansaku.models.domain.specs.relaxation import RelaxationSpec

every_type = pytest.mark.parametrize("kind", CALCULATORS, ids=lambda kind: kind.type_name())


class SpringSpec(CalculatorBase):
    """Somebody's own calculator."""

    facts: ClassVar[CalculatorFacts] = CalculatorFacts(engine="tansaku.calculators.engines.emt")

    type: Literal["spring"] = "spring"
    stiffness: float = 1.0
    relaxation: RelaxationSpec = RelaxationSpec()


def test_the_table_and_the_union_of_campaign_files_are_the_same():
    assert set(get_args(get_args(CalculatorSpec)[0])) == set(CALCULATORS)
    names = [kind.type_name() for kind in CALCULATORS]
    codes = [kind.code_name() for kind in CALCULATORS]
    assert len(set(names)) == len(set(codes)) == len(CALCULATORS)
    assert [calculator_type(name) for name in names] == list(CALCULATORS)


@every_type
def test_every_type_has_an_engine(kind):
    engine = find_engine(kind)
    assert isinstance(engine, Engine)
    assert (engine.resolve is not None) == bool(kind.facts.files)
    assert engine.elements is not None or kind.facts.elements_from is None


@every_type
def test_the_facts_name_keys_that_the_spec_has(kind):
    facts, keys = kind.facts, set(kind.model_fields)
    named = {*facts.recorded, *facts.unrelated, *facts.parts, *facts.example}
    for file in facts.files:
        named |= {file.content} | ({file.path} if file.path is not None else set())
    assert named | {key for key in (facts.model, facts.elements_from) if key is not None} <= keys
    assert "relaxation" in keys or facts.parts or facts.manual or facts.described


def test_an_unknown_type_is_an_error_and_never_another_calculator(tmp_path):
    for ask in (open_calculator, known_elements):
        with pytest.raises(ConfigurationError, match=r"SpringSpec; known types are lammps, emt, "):
            ask(SpringSpec(), tmp_path)
    with pytest.raises(ConfigurationError, match=r"calculator\.type: 'spring' is not known; expected one of lammps, emt, "):
        level_in_words({"type": "spring"})


@every_type
def test_every_key_of_a_level_tells_two_levels_apart(kind):
    calculator = {"type": kind.type_name()} | dict.fromkeys(kind.level_keys(), "a")
    model = str(calculator.get(kind.facts.model, ""))
    same = Provenance(code=kind.code_name(), code_version="1", model=model, settings=dict.fromkeys(kind.level_keys(), "a"))
    check_level(calculator, same, "x")
    for key in kind.level_keys():
        other = same.model_copy(update={"settings": same.settings | {key: "b"}})
        with pytest.raises(StoreError, match="two levels of theory"):
            check_level(calculator, other, "x")


def test_two_calculators_of_a_user_with_different_parameters_are_two_levels(monkeypatch):
    for module in ("level_of_theory", "specs.calculators.table"):
        monkeypatch.setattr(f"tansaku.models.domain.{module}.CALCULATORS", (*CALCULATORS, SpringSpec))
    soft, stiff = (SpringSpec(stiffness=value).model_dump(mode="json") for value in (1.0, 2.0))
    computed = Provenance(code="spring", code_version="1", model="spring", settings={"stiffness": 1.0})
    check_level(soft, computed, "x")
    with pytest.raises(
        StoreError, match=r"by spring spring \(stiffness 1\.0\); the campaign computes by spring \(stiffness 2\.0\)"
    ):
        check_level(stiff, computed, "x")
    assert level_in_words(soft) != level_in_words(stiff)


def test_a_network_potential_continues_from_its_own_results():
    """Its results call it by the program's name."""
    calculator = {"type": "potential", "model": "a.safetensors", "model_sha256": "c" * 64, "dtype": "float64"}
    computed = Provenance(code="tansaku", code_version="1", model="here/a.safetensors", model_sha256="c" * 64)
    check_level(calculator, computed, "x")
    with pytest.raises(StoreError, match="SHA-256 dddddddddddd"):
        check_level(calculator, computed.model_copy(update={"model_sha256": "d" * 64}), "x")


def test_the_table_imports_no_engine():
    code = (
        "import sys, tansaku.calculators.calculator_registry, tansaku.models.domain.level_of_theory\n"
        "packages = {'ase', 'atomate2', 'chgnet', 'gpaw', 'lammps', 'pymatgen', 'scipy', 'sevenn', 'torch'}\n"
        "print(sorted(packages & set(sys.modules)), [m for m in sys.modules if m.startswith('tansaku.calculators.engines.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parent)
    assert done.stdout == "[] []\n"
