"""The report of a sparse search: JSON, figures, and a page that holds both and needs no network."""

from __future__ import annotations

from dataclasses import asdict
from html import escape
from pathlib import Path

import numpy as np
from scipy.special import logsumexp

from tansaku.models.averaging.subsets import number_of_supports
from tansaku.models.domain.records import JsonDict
from tansaku.sparse.models.search.estimators import LEAST, class_weights, columns_of, linear_weights, log_without
from tansaku.sparse.models.search.landscape import members
from tansaku.sparse.models.search.prices import worths
from tansaku.sparse.tasks.figures import AXIS, draw_all
from tansaku.sparse.tasks.page import page_of, table_of
from tansaku.sparse.tasks.search import Found
from tansaku.tasks.node.jobs.spool_files import write_json

_TOP = 20


def report_data(found: Found) -> JsonDict:
    """Everything the report shows, as plain data."""
    table, scene = found.table, found.landscape
    names = table.names
    weights = (class_weights if table.classes else linear_weights)(found.design, found.best)
    models = [
        {"columns": [names[column] for column in columns_of(found.design, members(support))], "energy": float(energy),
         "probability": float(weight)}
        for support, energy, weight in zip(scene.supports[:_TOP], scene.energies, scene.weights, strict=False)
    ]  # fmt: skip
    logs = logsumexp(scene.log_density, axis=0)
    return {
        "schema_version": 1,
        "target": table.target,
        "classes": list(table.classes),
        "rows": len(table.y),
        "columns": list(names),
        "findings": list(table.findings),
        "criterion": found.settings.criterion,
        "energy_unit": "nats; smaller is better",
        "max_features": found.settings.largest,
        "exhaustive": found.convergence is None,
        "supports": number_of_supports(found.design.n_units, found.settings.largest),
        "best": {
            "columns": [names[column] for column in found.best],
            "weights": dict(zip([names[column] for column in found.best], weights[:-1].tolist(), strict=True)),
            "intercept": float(weights[-1]),
        },
        "models": models,
        "feature_posterior": dict(zip(names, found.posterior.tolist(), strict=True)),
        "size_posterior": scene.size_posterior.tolist(),
        "log_evidence": scene.log_evidence,
        "density_of_states": {
            "edges": scene.edges.tolist(),
            "log_count": [float(value) if np.isfinite(value) else None for value in logs],
        },
        "methods": {
            name: {
                "columns": [names[column] for column in columns],
                "energy": energy,
                "share_of_supports_below": scene.share_below(energy),
            }
            for name, (columns, energy) in found.chosen.items()
        },
        "resampling": found.stability,
        "prices": [
            {
                "columns": [names[column] for column in columns_of(found.design, offer.support)],
                "price": offer.price,
                "energy": offer.energy,
            }
            for offer in found.offers
        ],
        "worth": _worths(found),
        "virtual_data": [asdict(result) for result in found.recovery],
        "enough_rows": found.enough_rows,
        "convergence": None if found.convergence is None else _finite(asdict(found.convergence)),
    }


def _worths(found: Found) -> list[JsonDict]:
    """Worth of each optional column, relative to its price."""
    constraints = found.settings.constraints
    prices = np.array([constraints.price([column]) for column in range(len(found.table.names))])
    names, required = found.table.names, found.design.required
    most = np.inf if found.convergence is None else -np.log(LEAST)
    return [
        {"column": names[item.column], "price": item.price, "change": item.change, "change_per_price": item.per_price}
        | ({"or_more": True} if item.change >= most else {})
        for item in worths(log_without(found.design, found.landscape), prices)
        if item.column not in required
    ]


def _finite(values: JsonDict) -> JsonDict:
    """A number, or None where JSON cannot hold it, such as the infinite R-hat of chains that never moved."""
    return {name: value if np.isfinite(value) else None for name, value in values.items()}


def write_report(found: Found, folder: Path, extra: JsonDict) -> JsonDict:
    """Writes report.json, the figures and report.html.

    Args:
        folder: Existing.
        extra: Further keys of the JSON file, such as the origin of generated columns.

    Returns:
        The data.
    """
    data = report_data(found) | extra
    write_json(folder / "report.json", data)
    figures = draw_all(found, folder)
    (folder / "report.html").write_text(_page(data, figures), encoding="utf-8")
    return data


def _page(data: JsonDict, figures: dict[str, Path]) -> str:
    kind = "all" if data["exhaustive"] else "a sample of"
    parts = [
        f"<h1>Which columns explain {escape(data['target'])}</h1>",
        f"<p>{data['rows']} rows; {kind} {data['supports']:,.0f} supports of up to {data['max_features']} of "
        f"{len(data['columns'])} columns, judged by {escape(AXIS[data['criterion']])}.</p>",
        "<ul>" + "".join(f"<li>{escape(finding)}</li>" for finding in data["findings"]) + "</ul>",
        "<h2>Best model</h2>",
        *[f"<p>Weights are those of the log odds of {escape(name)}.</p>" for name in data["classes"][1:]],
        table_of(("column", "weight"), [*data["best"]["weights"].items(), ("intercept", data["best"]["intercept"])]),
    ]
    return page_of(f"Sparse search: {data['target']}", parts, figures, data["convergence"], lambda title: _beside(title, data))


def _beside(title: str, data: JsonDict) -> list[str]:
    """Tables that belong to a figure."""
    if title == "The best models":
        rows = [(", ".join(model["columns"]), model["energy"], model["probability"]) for model in data["models"]]
        return [table_of(("columns", "energy", "probability"), rows)]
    if title == "Accuracy against price":
        offers = [(offer["price"], offer["energy"], ", ".join(offer["columns"])) for offer in data["prices"]]
        worth = [(item["column"], item["price"], _change(item), _per_price(item)) for item in data["worth"][:_TOP]]
        paid = ("column", "price", "change without it [nats]", "per price")
        return [table_of(("price", "energy", "columns"), offers), "<h3>What each column is worth</h3>", table_of(paid, worth)]
    if title == "Virtual measurements":
        shown = data["enough_rows"] or "more than were tried"
        return [f"<p>Rows with which the model is found again in 9 of 10 data sets: {shown}.</p>"]
    if title != "Density of states":
        return []
    again = data["resampling"]
    listed = {
        "search": {"columns": data["best"]["columns"], "share_of_supports_below": 0.0, "energy": data["models"][0]["energy"]}
    }
    head = ("method", "columns", "energy", "share of supports below", "same choice without a fifth of the rows")
    compared = [
        (
            name,
            ", ".join(item["columns"]),
            item["energy"],
            item["share_of_supports_below"],
            _share(again.get(name, {}).get("same")),
        )
        for name, item in (listed | data["methods"]).items()
    ]
    return [table_of(head, compared)]


def _change(item: JsonDict) -> object:
    return f"{item['change']:.4g} or more" if item.get("or_more") else item["change"]


def _per_price(item: JsonDict) -> object:
    return "free" if item["change_per_price"] is None else item["change_per_price"]


def _share(value: float | None) -> str:
    return "not tried" if value is None else f"{100 * value:.0f} %"
