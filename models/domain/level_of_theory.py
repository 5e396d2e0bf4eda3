"""Levels of theory: what computed a number, in words, and whether a campaign computes at the same level.

A surrogate never mixes numbers of two levels unmarked. A level consists of the code, its model and all keys of the calculator's
spec except those that its facts exclude. The version of the code, the machine and the relaxation are not part of it.
"""

from __future__ import annotations

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.records import JsonDict, Provenance
from tansaku.models.domain.specs.calculators.contract import CalculatorBase
from tansaku.models.domain.specs.calculators.table import CALCULATORS, calculator_type


def check_level(calculator: JsonDict, provenance: Provenance, where: str) -> None:
    """Refuses a number of another level of theory.

    Args:
        calculator: Of the campaign's spec, resolved, as plain data.
        provenance: The number's.
        where: What the number is, for the message.

    Raises:
        StoreError: Names both levels.
    """
    if _differs(calculator, provenance):
        raise StoreError(
            f"{where} was computed by {_level_of(provenance)}; the campaign computes by {_level_of_spec(calculator)}",
            hint="two levels of theory must not be mixed in one campaign; use a separate campaign for each",
        )


def level_in_words(calculator: JsonDict | None) -> str | None:
    """Describes the level of theory of a campaign; None for one whose values come from a table, where it is not known.

    Args:
        calculator: Of its spec, resolved, as plain data.
    """
    return None if calculator is None else _level_of_spec(calculator)


def _differs(calculator: JsonDict, provenance: Provenance) -> bool:
    kind = calculator_type(calculator["type"])
    if provenance.code != kind.code_name():
        return True
    content = _content(kind, calculator)
    if content and provenance.model_sha256:
        if provenance.model_sha256 != content:
            return True
    elif kind.facts.model is not None and provenance.model not in ("", calculator.get(kind.facts.model, "")):
        return True
    both = [name for name in kind.level_keys() if name in calculator and name in provenance.settings]
    return any(calculator[name] != provenance.settings[name] for name in both)


def _content(kind: type[CalculatorBase], calculator: JsonDict) -> str:
    return next((str(calculator[file.content]) for file in kind.facts.files if calculator.get(file.content)), "")


def _level_of(provenance: Provenance) -> str:
    kind = next((kind for kind in CALCULATORS if kind.code_name() == provenance.code), None)
    names = kind.level_keys() if kind is not None else ()
    settings = {name: provenance.settings[name] for name in names if name in provenance.settings}
    if kind is not None and kind.facts.model is not None:
        settings.pop(kind.facts.model, None)
    return _in_words(provenance.code, provenance.model, provenance.model_sha256, settings)


def _level_of_spec(calculator: JsonDict) -> str:
    kind = calculator_type(calculator["type"])
    model = kind.facts.model
    settings = {name: calculator[name] for name in kind.level_keys() if name in calculator and name != model}
    named = str(calculator.get(model) or "") if model is not None else ""
    return _in_words(kind.code_name(), named, _content(kind, calculator), settings)


def _in_words(code: str, model: str, sha256: str, settings: JsonDict) -> str:
    words = [f"{name} {_plain(value)}" for name, value in settings.items() if value not in (None, {}, False)]
    content = f"SHA-256 {sha256[:12]}" if sha256 else ""
    return " ".join(filter(None, (code, model))) + (
        f" ({', '.join(filter(None, (*words, content)))})" if words or content else ""
    )


def _plain(value: object) -> str:
    """Words of a setting. Names stay where only they tell numbers apart, as elements do."""
    if isinstance(value, dict) and all(isinstance(number, int | float) for number in value.values()):
        return " ".join(f"{name} {number}" for name, number in value.items())
    if isinstance(value, dict):
        return " ".join(_plain(item) for item in value.values() if item is not None)
    if isinstance(value, list | tuple) and any(isinstance(item, dict) for item in value):
        return "; ".join(map(_plain, value))
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return "-".join(value)
    return f"{value}"
