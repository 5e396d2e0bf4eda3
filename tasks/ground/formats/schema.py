"""JSON Schemas for editors and the configuration reference, generated from the spec classes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, get_args

from pydantic import BaseModel

from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.base import LARGEST_WHOLE, file_keys
from tansaku.models.domain.specs.campaign import EDITABLE_KEYS, CampaignSpec
from tansaku.models.domain.specs.dataset import DatasetSpec
from tansaku.models.domain.specs.screen import ScreenSpec
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.models.domain.specs.surrogate import ModelSpec

FileKind = Literal["campaign", "site", "dataset", "model", "screen"]

MODELS: dict[FileKind, type[BaseModel]] = {
    "campaign": CampaignSpec,
    "site": SiteSpec,
    "dataset": DatasetSpec,
    "model": ModelSpec,
    "screen": ScreenSpec,
}

_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.*)$")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Section(NamedTuple):
    """A spec class at the place of its first use."""

    path: str
    model: type[BaseModel]


class KeyRow(NamedTuple):
    """A key of a file; texts have code between backticks and links as Markdown.

    Attributes:
        kinds: What its value may be.
    """

    key: str
    kinds: str
    default: str
    meaning: str


class KeyTable(NamedTuple):
    """The keys of a spec class.

    Attributes:
        name: Of the class.
        path: Of its first use; empty: the top of the file.
        tag: The ``type`` that selects it, None where there is one class only.
        anchor: To which links point.
    """

    name: str
    path: str
    tag: str | None
    anchor: str
    summary: str
    rows: tuple[KeyRow, ...]


def json_schema(kind: FileKind) -> JsonDict:
    """JSON Schema of a kind of file, every key with its description; for an editor's YAML support."""
    root = MODELS[kind]
    schema = root.model_json_schema()
    describe_parts(root, {root.__name__: schema, **schema.get("$defs", {})})
    add_former_keys(root, schema)
    if kind != "site":
        schema["required"].remove("name")  # defaults to the file's stem
    return {"$schema": _DIALECT, **schema, "title": f"tansaku {kind} file"}


def add_former_keys(root: type[BaseModel], schema: JsonDict) -> None:
    """Lets a class's JSON Schema accept the former names of keys too, as deprecated and without a default."""
    for field in root.model_fields:
        key, *former = file_keys(root, field)
        old = {word: value for word, value in schema["properties"][key].items() if word != "default"}
        schema["properties"] |= dict.fromkeys(former, old | {"deprecated": True})


def describe_parts(root: type[BaseModel], parts: Mapping[str, JsonDict]) -> None:
    """Gives the parts of a JSON Schema, by the name of their class below ``root``, the descriptions of their keys."""
    known = {model.__name__: model for _, model in sections(root)}
    for name, part in parts.items():
        part["description"] = summary(known[name])
        for field, text in attributes(known[name]).items():
            part["properties"][file_keys(known[name], field)[0]]["description"] = text


def summary(model: type[BaseModel]) -> str:
    """First paragraph of a class's docstring."""
    return " ".join(inspect.cleandoc(model.__doc__ or "").split("\n\n")[0].split())


def attributes(model: type[BaseModel]) -> dict[str, str]:
    """Descriptions of a class's fields, read from the Attributes part of its docstring."""
    found: dict[str, str] = {}
    name = None
    for line in inspect.cleandoc(model.__doc__ or "").partition("Attributes:")[2].splitlines():
        match = _ATTRIBUTE.match(line)
        if match:
            name = match[1]
            found[name] = match[2].strip()
        elif name and line.strip():
            found[name] += f" {line.strip()}"
    return {name: re.sub(r"\bNone\b", "null", text) for name, text in found.items() if name in model.model_fields}


def sections(root: type[BaseModel]) -> list[Section]:
    """Spec classes below ``root`` in the order of a file, each once."""
    seen: dict[type[BaseModel], str] = {}
    waiting = [(root, "")]
    while waiting:
        model, path = waiting.pop(0)
        if model in seen:
            continue
        seen[model] = path
        named = {item for item, _ in waiting}  # these have a shorter path already
        below = [
            (child, f"{path}.{file_keys(model, name)[0]}".strip("."))
            for name, field in model.model_fields.items()
            for child in _models(field.annotation)
            if child not in named
        ]
        waiting = below + waiting
    return [Section(path, model) for model, path in seen.items()]


def configuration_page() -> str:
    """The configuration reference as Markdown."""
    lines = [
        "# Configuration reference",
        "",
        "Generated by `make docs` from the classes in `models/domain/specs`. A campaign file gives the",
        "search space, objective, calculator and budget; a site file describes the machine; a data-set file the training data,",
        "a model file the surrogate, a screen file what is predicted. Unknown keys are errors. Relative paths start at the",
        "folder of their file. `tansaku schema campaign` (`site`, `dataset`, `model`, `screen`) prints a JSON Schema for",
        "editors, `tansaku check FILE` shows what a campaign would do.",
        "",
        "A running campaign accepts changes of " + ", ".join(f"`{'.'.join(key)}`" for key in EDITABLE_KEYS) + " only.",
        "",
    ]
    described: set[str] = set()
    for kind in MODELS:
        lines += [f"## The {kind} file", ""]
        for table in key_tables(kind):
            if table.name not in described:
                lines += _section(kind, table)
            described.add(table.name)
    return "\n".join(lines).rstrip() + "\n"


def key_tables(kind: FileKind) -> list[KeyTable]:
    """The keys of a kind of file, in its order, each spec class once."""
    root = MODELS[kind]
    definitions = root.model_json_schema().get("$defs", {})
    return [
        KeyTable(model.__name__, path, _tag(model), _anchor(model.__name__), summary(model), _rows(model, definitions))
        for path, model in sections(root)
    ]


def _section(kind: str, table: KeyTable) -> list[str]:
    title = f"`{table.path}`" if table.path else f"Top of the {kind} file"
    lines = [
        f"### {title}" + (f", `type: {table.tag}`" if table.tag else ""),
        "",
        f'<a id="{table.anchor}"></a>{table.summary}',
        "",
        "| key | value | default | meaning |",
        "| --- | --- | --- | --- |",
    ]
    for row in table.rows:
        lines.append(f"| `{row.key}` | {_escape(row.kinds)} | {row.default} | {_escape(row.meaning)} |")
    return [*lines, ""]


def _rows(model: type[BaseModel], definitions: JsonDict) -> tuple[KeyRow, ...]:
    described = attributes(model)
    schema = model.model_json_schema(ref_template="#/$defs/{model}")
    # A class that contains itself is described among the definitions.
    properties = (schema["$defs"][model.__name__] if "$ref" in schema else schema)["properties"]
    rows = []
    for name, field in model.model_fields.items():
        key = file_keys(model, name)[0]
        if field.is_required():
            default = "file's name" if name == "name" else "required"
        else:
            value = field.get_default(call_default_factory=True)
            default = "as below" if isinstance(value, BaseModel) and not _yaml(value) else f"`{_yaml(value)}`"
        kinds = " or ".join(_kinds(properties[key], definitions))
        rows.append(KeyRow(key, kinds, default, described.get(name, "Selects this kind.")))
    return tuple(rows)


def _kinds(schema: JsonDict, definitions: JsonDict) -> Iterator[str]:
    """Describes the allowed types of a value, one phrase per alternative."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        tagged = definitions[name].get("properties", {}).get("type", {})
        tags = ", ".join([tagged["const"]] if "const" in tagged else tagged.get("enum", []))
        yield f"[{f'type: {tags}' if tags else 'mapping'}](#{_anchor(name)})"
    elif alternatives := schema.get("anyOf", schema.get("oneOf")):
        for alternative in alternatives:
            yield from _kinds(alternative, definitions)
    elif "const" in schema or "enum" in schema:
        yield ", ".join(f"`{_yaml(value)}`" for value in schema.get("enum", [schema.get("const")]))
    elif schema.get("type") == "array":
        inner = schema.get("prefixItems", [schema.get("items", {})])
        parts = [" or ".join(_kinds(part, definitions)) for part in inner]
        yield f"[{', '.join(parts)}]" if "prefixItems" in schema else f"list of {parts[0]}"
    elif schema.get("type") == "object":
        values = next(iter(schema.get("patternProperties", {}).values()), schema.get("additionalProperties") or {})
        yield f"mapping of names to {' or '.join(_kinds(values, definitions))}" if values else "mapping"
    else:
        yield _scalar(schema)


def _scalar(schema: JsonDict) -> str:
    word = {"number": "number", "integer": "integer", "boolean": "true or false", "string": "text", "null": "null"}
    limits = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤"}
    text = word.get(str(schema.get("type")), "value")
    bounds = [f"{sign} {schema[key]:g}" for key, sign in limits.items() if key in schema and schema[key] != LARGEST_WHOLE]
    if "pattern" in schema:
        bounds.append(f"matching `{schema['pattern']}`")
    return " ".join([text, *bounds])


def _models(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401 - an annotation can be any object
    if inspect.isclass(annotation) and not hasattr(annotation, "__origin__") and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models(part)]


def _tag(model: type[BaseModel]) -> str | None:
    field = model.model_fields.get("type")
    return None if field is None else ", ".join(get_args(field.annotation))


def _yaml(value: object) -> str:
    if isinstance(value, BaseModel):
        given = value.model_dump(exclude_defaults=True)
        tag = {"type": tagged} if (tagged := _tag(type(value))) else {}
        return ", ".join(f"{key}: {_yaml(part)}" for key, part in {**tag, **given}.items())
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return "[" + ", ".join(map(_yaml, value)) + "]" if isinstance(value, tuple | list) else str(value)


def _anchor(name: str) -> str:
    return name.removesuffix("Spec").lower()


def _escape(text: str) -> str:
    return text.replace("``", "`").replace("|", "\\|")
