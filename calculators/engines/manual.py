"""Values reported by people or robots; no engine is opened."""

from __future__ import annotations

from tansaku.calculators.engine import Engine
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.specs.calculators.manual import ManualSpec


def _refuse() -> Calculator:
    raise ConfigurationError(
        "calculator.type: manual computes nothing; its values are reported", hint="`tansaku tell NAME FILE.csv` records them"
    )


ENGINE = Engine[ManualSpec](open=lambda *_: _refuse())
