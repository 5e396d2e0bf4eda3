"""What the spec classes say about themselves: JSON Schemas for editors and the configuration reference."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, get_args

from pydantic import BaseModel

from tansaku.models.domain.records import JsonDict
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
    """One spec class in the place where it is first used."""

    path: str
    model: type[BaseModel]


def json_schema(kind: FileKind) -> JsonDict:
    """JSON Schema of a kind of file, every key with its description; for an editor's YAML support."""
    root = MODELS[kind]
    schema = root.model_json_schema()
    describe_parts(root, {root.__name__: schema, **schema.get("$defs", {})})
    if kind != "site":
        schema["required"].remove("name")  # the file's stem stands for it
    return {"$schema": _DIALECT, **schema, "title": f"tansaku {kind} file"}


def describe_parts(root: type[BaseModel], parts: Mapping[str, JsonDict]) -> None:
    """Gives the parts of a JSON Schema, by the name of their class below ``root``, the descriptions of their keys."""
    known = {model.__name__: model for _, model in sections(root)}
    for name, part in parts.items():
        part["description"] = summary(known[name])
        for key, text in attributes(known[name]).items():
            part["properties"][key]["description"] = text


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
        named = {one for one, _ in waiting}  # these have a shorter path already
        below = [
            (child, f"{path}.{name}".strip("."))
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
        "Written by `make docs` from the classes in `models/domain/specs`, not by hand. A campaign file says what is",
        "searched, wanted, computed and spent; a site file describes the machine; a data-set file says what is learned",
        "from, a model file what learns, a screen file what is predicted. Unknown keys are errors. Paths start at the folder",
        "of the file they stand in. `tansaku schema campaign` (`site`, `dataset`, `model`, `screen`) prints a JSON Schema for",
        "editors, `tansaku check FILE` says what a campaign file would do.",
        "",
        "A campaign under way accepts changes of " + ", ".join(f"`{'.'.join(key)}`" for key in EDITABLE_KEYS) + " only.",
        "",
    ]
    described: set[type[BaseModel]] = set()
    for kind, root in MODELS.items():
        lines += [f"## The {kind} file", ""]
        definitions = root.model_json_schema().get("$defs", {})
        for path, model in sections(root):
            if model not in described:
                lines += _section(kind, path, model, definitions)
            described.add(model)
    return "\n".join(lines).rstrip() + "\n"


def _section(kind: str, path: str, model: type[BaseModel], definitions: JsonDict) -> list[str]:
    tag = _tag(model)
    title = f"`{path}`" if path else f"Top of the {kind} file"
    lines = [
        f"### {title}" + (f", `type: {tag}`" if tag else ""),
        "",
        f'<a id="{_anchor(model.__name__)}"></a>{summary(model)}',
        "",
    ]
    described = attributes(model)
    schema = model.model_json_schema(ref_template="#/$defs/{model}")
    # A class that contains itself is described among the definitions.
    properties = (schema["$defs"][model.__name__] if "$ref" in schema else schema)["properties"]
    lines += ["| key | value | default | meaning |", "| --- | --- | --- | --- |"]
    for name, field in model.model_fields.items():
        if field.is_required():
            default = "file's name" if name == "name" else "required"
        else:
            value = field.get_default(call_default_factory=True)
            default = "as below" if isinstance(value, BaseModel) and not _yaml(value) else f"`{_yaml(value)}`"
        kinds = _escape(" or ".join(_kinds(properties[name], definitions)))
        lines.append(f"| `{name}` | {kinds} | {default} | {_escape(described.get(name, 'This kind.'))} |")
    return [*lines, ""]


def _kinds(schema: JsonDict, definitions: JsonDict) -> Iterator[str]:
    """What a value may be, one phrase per alternative."""
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
    bounds = [f"{sign} {schema[key]:g}" for key, sign in limits.items() if key in schema]
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
