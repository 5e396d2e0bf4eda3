"""The tables of docs/results/migration-barriers.md that are made from this benchmark's result."""

from __future__ import annotations

from pathlib import Path

from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.composition import CompositionSpaceSpec, ParentSpec
from tansaku.spaces.composition import CompositionSpace


def updated(page: str, result: JsonDict) -> str:
    """The page with its two tables updated."""
    for name, lines in (("table", _potentials(result["two_potentials"])), ("look", _looks(result["first_look"]))):
        before, begin, rest = page.partition(f"<!-- {name} -->\n")
        page = before + begin + "\n".join(lines) + "\n" + rest[rest.index(f"<!-- end of {name} -->") :]
    return page


def _potentials(found: JsonDict) -> list[str]:
    space = CompositionSpace(CompositionSpaceSpec(parent=ParentSpec(prototype="tavorite")), Path())
    lines = ["| compound | CHGNet 0.3.0 | SevenNet-0 | path | published |", "| --- | --- | --- | --- | --- |"]
    for row in sorted(found["rows"], key=lambda row: str(row["candidate"])):
        chgnet, sevennet = row["chgnet"], row["sevennet"]
        formula = space.structure(row["candidate"]).info["formula"]
        paths = [_path(item) for item in (chgnet, sevennet) if item and "barrier" in item]
        path = " and ".join(dict.fromkeys(paths))
        published = "; ".join(_published(item) for item in row["published"])
        lines.append(f"| {formula} | {_value(chgnet)} | {_value(sevennet)} | {path} | {published} |")
    return lines


def _value(found: JsonDict | None) -> str:
    if found is None:
        return "not computed"
    return f"{found['barrier']:.3f}" if "barrier" in found else str(found["failure"]).partition(":")[0]


def _path(found: JsonDict) -> str:
    return ", ".join("[" + "".join(str(item) for item in direction) + "]" for direction in found["directions"])


def _published(work: JsonDict) -> str:
    source, mark, doi = str(work["source"]).partition(", doi:")
    linked = f"[{source}](https://doi.org/{doi})" if mark else source
    value = "" if work["value"] is None else f"{work['value']:g} "
    return f"{value}({work['method']}, {linked})"


def _looks(found: JsonDict) -> list[str]:
    lines = ["| compounds | number | `bottleneck_rise` | grid |", "| --- | --- | --- | --- |"]
    for row in found["correlations"]:
        ranks = ["" if row[name] is None else f"{row[name]:.2f}" for name in ("bottleneck_rise", "bond_valence_map")]
        lines.append(f"| {row['system']} | {row['compounds']} | {ranks[0]} | {ranks[1]} |")
    return lines
