"""Whose evaluations have limits."""

import pytest
from pydantic import TypeAdapter

from tansaku.models.domain import plugins
from tansaku.models.domain.specs.calculators.table import CalculatorSpec
from tansaku.models.domain.specs.evaluation_limits import limited_code
from tansaku.models.domain.specs.label import LabelSpec
from tansaku.models.domain.specs.space import SPACE_SPECS

COMMAND, EMT, ASE = {"type": "command", "command": "mine"}, {"type": "emt"}, {"type": "ase", "name": "emt"}


def code_of(calculator, label=None):
    spec = TypeAdapter(CalculatorSpec).validate_python(calculator) if calculator is not None else None
    table = SPACE_SPECS["table"].model_construct()
    return limited_code(spec, LabelSpec(calculator=label) if label is not None else None, table)


@pytest.mark.parametrize(
    ("calculator", "label", "code"),
    [(COMMAND, None, "site"), (EMT, None, None), (ASE, None, None), ({"type": "gpaw"}, None, None), (COMMAND, EMT, None)],
)
def test_programs_of_the_site_have_limits_and_our_engines_have_none(calculator, label, code):
    assert code_of(calculator, label) == code


def test_a_plug_in_has_limits_whatever_it_adds(monkeypatch):
    """A type, a name of ASE's table, or a space that computes by itself."""
    assert code_of(None) is None
    monkeypatch.setitem(plugins._ACCEPTED, ("calculators", "emt"), plugins.Plugin("calculators", "emt", "d", "1", None))
    monkeypatch.setitem(plugins._ACCEPTED, ("spaces", "table"), plugins.Plugin("spaces", "table", "d", "1", None))
    assert code_of(ASE) == code_of(None) == "plugin"
