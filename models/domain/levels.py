"""Levels of theory: what computed a number, in words, and whether that is what a campaign computes with.

Numbers of two levels never meet in one surrogate without being told apart. Versions of a code, the machine and how a structure
was relaxed are no part of a level; the code, its model and, for DFT, every setting that an energy depends on are.
"""

from __future__ import annotations

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.records import JsonDict, Provenance

_CODES = {"emt": "ase-emt", "sevennet": "sevenn"}
"""Codes that are called otherwise in a campaign file."""

_CONTENTS = ("potential_sha256", "setups_sha256", "pseudopotentials_sha256", "potcars_sha256", "model_sha256")
_SETTINGS = (
    "xc", "cutoff", "density_cutoff", "kpoint_density", "smearing", "spin", "magnetic_moments", "force_field", "dtype",
)  # fmt: skip


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
    """What a campaign computes with, None for one that reads its values from a table: nobody knows what computed them.

    Args:
        calculator: Of its spec, resolved, as plain data.
    """
    return None if calculator is None else _level_of_spec(calculator)


def _differs(calculator: JsonDict, provenance: Provenance) -> bool:
    kind = calculator["type"]
    if provenance.code != _CODES.get(kind, kind):
        return True
    content = next((calculator[name] for name in _CONTENTS if calculator.get(name)), None)
    if content is not None and provenance.model_sha256 not in ("", content):
        return True
    if "model" in calculator and provenance.model not in ("", calculator["model"]):
        return True
    both = [name for name in _SETTINGS if name in calculator and name in provenance.settings]
    return any(calculator[name] != provenance.settings[name] for name in both)


def _level_of(provenance: Provenance) -> str:
    told = {name: provenance.settings[name] for name in _SETTINGS if name in provenance.settings}
    return _worded(provenance.code, provenance.model, provenance.model_sha256, told)


def _level_of_spec(calculator: JsonDict) -> str:
    told = {name: calculator[name] for name in _SETTINGS if name in calculator}
    model = str(calculator.get("model") or calculator.get("xc") or calculator.get("potential") or "")
    content = str(next((calculator[name] for name in _CONTENTS if calculator.get(name)), ""))
    return _worded(_CODES.get(calculator["type"], str(calculator["type"])), model, content, told)


def _worded(code: str, model: str, sha256: str, settings: JsonDict) -> str:
    words = [f"{name} {_plain(value)}" for name, value in settings.items() if name != "xc" and value not in (None, {}, False)]
    content = f"SHA-256 {sha256[:12]}" if sha256 else ""
    return " ".join(filter(None, (code, model))) + (
        f" ({', '.join(filter(None, (*words, content)))})" if words or content else ""
    )


def _plain(value: object) -> str:
    return " ".join(map(str, value.values())) if isinstance(value, dict) else f"{value}"
