"""The collections of the database as Markdown: fields as the docstrings of the records describe them, and indexes."""

from __future__ import annotations

import re

from tansaku.models.domain.library import LibraryFile
from tansaku.models.domain.model_registry import DatasetRecord, ModelRecord
from tansaku.models.domain.records import CampaignRecord, Evaluation, Event, Observation, Record, Refit
from tansaku.models.domain.retraining import Retrain, RetrainEnd
from tansaku.tasks.backends.stores.mongo_library import LIBRARY
from tansaku.tasks.backends.stores.mongo_schema import INDEXES
from tansaku.tasks.ground.formats.schema import attributes, sections, summary

RECORDS: dict[str, tuple[type[Record], ...]] = {
    "campaigns": (CampaignRecord,),
    "evaluations": (Evaluation,),
    "observations": (Observation,),
    "refits": (Refit,),
    "retrains": (Retrain, RetrainEnd),
    "events": (Event,),
    "datasets": (DatasetRecord,),
    "models": (ModelRecord,),
    LIBRARY: (LibraryFile,),
}
"""Contents of the documents of each collection."""

_CODE = re.compile(r"``(.+?)``|:\w+:`(.+?)`")


def collection_tables() -> str:
    """The fields of each collection, one row each with the path in a document, and the indexes."""
    lines = []
    for collection, records in RECORDS.items():
        lines += [f"### `{collection}`", ""]
        for record in records:
            lines += [_plain(summary(record)), "", "| field | meaning |", "| --- | --- |", *_fields(record), ""]
    lines += ["## Indexes", "", "| collection | keys | |", "| --- | --- | --- |"]
    for collection, indexes in INDEXES.items():
        for index in indexes:
            keys = ", ".join(f"`{key}`" for key in index.document["key"])
            lines.append(f"| {collection} | {keys} | {'unique ' if index.document.get('unique') else ''}|")
    return "\n".join(lines) + "\n"


def _fields(record: type[Record]) -> list[str]:
    """Rows of a record and of the records in it, each of these at the place of its first use."""
    rows = []
    for path, model in sections(record):
        described = attributes(model)
        for name in model.model_fields:
            meaning = _plain(described.get(name, "")).replace("|", "\\|")
            rows.append(f"| `{f'{path}.{name}'.strip('.')}` | {meaning} |")
    return rows


def _plain(text: str) -> str:
    """A text of a docstring as Markdown."""
    return _CODE.sub(lambda match: f"`{match[1] or match[2]}`", text)
