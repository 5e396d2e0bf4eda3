"""JSON Schemas for editors and the configuration reference, generated from the spec classes."""

from __future__ import annotations

import difflib
import inspect
import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, get_args

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.base import LARGEST_WHOLE
from tansaku.models.domain.specs.campaign import EDITABLE_KEYS, CampaignSpec
from tansaku.models.domain.specs.dataset import DatasetSpec
from tansaku.models.domain.specs.screen import ScreenSpec
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.models.domain.specs.surrogate import ModelSpec
from tansaku.tasks.ground.formats.pattern_words import PATTERNS

FileKind = Literal["campaign", "site", "dataset", "model", "screen"]

MODELS: dict[FileKind, type[BaseModel]] = {
    "campaign": CampaignSpec,
    "site": SiteSpec,
    "dataset": DatasetSpec,
    "model": ModelSpec,
    "screen": ScreenSpec,
}

Examples = Mapping[tuple[str, str | None, str], object]
"""Values that files give, by path of the section, its ``type`` and key."""

TASKS: dict[FileKind, dict[str, tuple[str, ...]]] = {
    "campaign": {
        "Name of the campaign": ("schema_version", "name", "seed", "notes"),
        "What is searched": ("space",),
        "How a candidate is evaluated": ("calculator", "levels", "label"),
        "What is wanted": ("objective", "constraints"),
        "How the next candidate is chosen": ("proposer", "transfer"),
        "A model that learns from the results": ("retrain", "pre_screening"),
        "What may be spent, and when to stop": ("budget",),
        "How evaluations run": ("execution",),
        "Results that are known already": ("reuse", "reuse_sha256", "known", "known_first"),
    },
    "site": {
        "Format": ("schema_version",),
        "Where evaluations run": ("launcher",),
        "The database and the time limits of drivers": ("database", "timing"),
        "Where models are fitted and trained": ("engine", "training"),
        "What a campaign may ask of the machine": ("limits",),
        "The dashboard and notifications": ("web", "notifications"),
        "Programs that campaigns may call": ("commands",),
    },
    "dataset": {
        "Name of the data set": ("schema_version", "name", "seed"),
        "Where the data come from": ("source",),
        "Which part tests the model": ("split",),
    },
    "model": {
        "Name of the model": ("schema_version", "name", "seed"),
        "What is trained": ("surrogate", "start"),
        "On which data": ("dataset", "learns"),
    },
    "screen": {},
}
"""Keys of each kind of file by what a user wants to do."""

_EXAMPLES: dict[str, tuple[object, ...]] = {
    "at_least": ("2 eV",),
    "at_most": ("5 %",),
    "also": ([{"property": "barrier", "unit": "eV"}],),
    "boundaries": ({"general": [{"axis": [0, 0, 1], "sigma": 5, "plane": [0, 0, 1]}]},),
    "columns": (["x1", "x2"],),
    "constraints": ([{"terms": {"x1": 1, "x2": 1}, "at_most": 1}],),
    "deadline": ("2027-01-31T18:00:00+01:00",),
    "desirability": ([{"property": "toughness", "worthless": "10 J", "ideal": "60 J"}],),
    "energy": ("-4.9 eV",),
    "exclude": ([{"ions": {"M": ["Fe2+"]}, "reason": "unstable"}],),
    "failures": ({3: "not_converged"},),
    "general": ([{"axis": [0, 0, 1], "sigma": 5, "plane": [0, 0, 1]}],),
    "ions": (["Li+", "Na+"], {"M": ["Fe2+", "V3+"]}),
    "ideal": ("60 J",),
    "lowest": ("-1.2 eV",),
    "limits": ([{"property": "impurity", "at_most": "5 %"}],),
    "mark": ([{"ions": {"M": ["Fe2+"]}, "reason": "rare"}],),
    "parameters": ({"x1": {"type": "number", "low": 0, "high": 1}},),
    "private_networks": (["10.20.0.0/16"],),
    "quantities": ({"gap": {"column": "gap", "unit": "eV"}},),
    "reference": (["0 eV", "0.5 eV"],),
    "prefers": ({"within": {"temperature": [500, 700]}},),
    "replaces": ("V3+",),
    "sites": ({"M": {"ions": ["Fe2+", "V3+"]}},),
    "threshold": ("0.3 eV",),
    "within": ({"temperature": [500, 700]},),
    "worthless": ("10 J",),
    "worth": ("1 mJ/m2 per core_hour",),
    "unit": ("eV",),
    "units": ({"x1": "K"},),
}
"""Values of keys whose type alone gives no good example."""

_UNIT = re.compile(r"\[(?!\d)([^\]\[,]+)\](?!\()")
_LINK = re.compile(r"\[([^][]+)\]\(#[a-z0-9]+\)")
_LONGEST_EXAMPLE = 80
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
        example: A value, as YAML in one line.
    """

    key: str
    kinds: str
    default: str
    meaning: str
    example: str


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
    if kind != "site":
        schema["required"].remove("name")  # defaults to the file's stem
    return {"$schema": _DIALECT, **schema, "title": f"tansaku {kind} file"}


def describe_parts(root: type[BaseModel], parts: Mapping[str, JsonDict]) -> None:
    """Gives the parts of a JSON Schema, by the name of their class below ``root``, the descriptions of their keys."""
    known = {model.__name__: model for _, model in sections(root)}
    for name, part in parts.items():
        part["description"] = summary(known[name])
        for field, text in attributes(known[name]).items():
            part["properties"][field]["description"] = text


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
            (child, f"{path}.{name}".strip("."))
            for name, field in model.model_fields.items()
            for child in _models(field.annotation)
            if child not in named
        ]
        waiting = below + waiting
    return [Section(path, model) for model, path in seen.items()]


def configuration_tables(examples: Examples) -> str:
    """The keys of all kinds of file as Markdown, by task.

    Args:
        examples: Of :func:`examples_in`.
    """
    lines = [
        "A running campaign accepts changes of " + ", ".join(f"`{'.'.join(key)}`" for key in EDITABLE_KEYS) + " only.",
        "",
    ]
    described: set[str] = set()
    for kind in MODELS:
        lines += [f"## The {kind} file", ""]
        tables = [table for table in key_tables(kind, examples) if table.name not in described]
        described |= {table.name for table in tables}
        tasks = {key: task for task, keys in TASKS[kind].items() for key in keys}
        for task, group in itertools.groupby(tables, key=lambda table: tasks.get(table.path.partition(".")[0])):
            lines += [f"### {task}", ""] if task else []
            for table in group:
                lines += _section(kind, table)
    return "\n".join(lines).rstrip() + "\n"


def examples_in(documents: Iterable[JsonDict]) -> Examples:
    """The values that campaign files give to their keys, the first of each."""
    found: dict[tuple[str, str | None, str], object] = {}

    def walk(value: object, path: str) -> None:
        if isinstance(value, list):
            for part in value:
                walk(part, path)
        elif isinstance(value, dict):
            for key, part in value.items():
                found.setdefault((path, value.get("type"), key), part)
                walk(part, f"{path}.{key}".strip("."))

    for document in documents:
        walk(document, "")
    return found


def key_tables(kind: FileKind, examples: Examples | None = None) -> list[KeyTable]:
    """The keys of a kind of file, in its order, each spec class once.

    Args:
        examples: Of :func:`examples_in`; a key that has none gets its default, or a value of its type.
    """
    root = MODELS[kind]
    definitions = root.model_json_schema().get("$defs", {})
    return [_table(section, definitions, examples or {}) for section in sections(root)]


def explained(key: str, examples: Examples) -> str:
    """Explains a key for the terminal: meaning, value, unit, default and an example; and the keys below it.

    Args:
        key: With dots, such as ``budget.evaluations``; ``site.limits`` means the key of that kind of file.
        examples: Of :func:`examples_in`.

    Raises:
        NotFoundError: No kind of file has it.
    """
    plain = re.sub(r"\[\d+\]", "", key)
    first, _, rest = plain.partition(".")
    asked = [(kind, plain) for kind in MODELS] + [(kind, rest) for kind in MODELS if kind == first]
    found = next(filter(None, (_explanations(kind, name, examples) for kind, name in asked)), [])
    if found:
        return "\n\n".join(dict.fromkeys(found))
    tables = [table for kind in MODELS for table in key_tables(kind)]
    known = sorted({f"{table.path}.{row.key}".strip(".") for table in tables for row in table.rows})
    same = [name for name in known if name.rpartition(".")[2] == plain.rpartition(".")[2]]
    near = same[:6] or difflib.get_close_matches(plain, known, n=3)
    hint = f"keys like it: {', '.join(near)}" if near else "`tansaku schema --explain` lists the keys"
    raise NotFoundError(f"no file has a key {key!r}", hint=hint)


def key_overview() -> str:
    """The top keys of all kinds of file, by task, for the terminal."""
    lines = []
    for kind, tasks in TASKS.items():
        lines.append(f"{kind} file")
        every = tuple(MODELS[kind].model_fields)
        lines += [f"  {task:<44} {', '.join(keys)}" for task, keys in (tasks or {"": every}).items()]
    return "\n".join(lines)


def _explanations(kind: FileKind, key: str, examples: Examples) -> list[str]:
    """Explanations of a key in a kind of file, one for each ``type`` that has it."""
    path, _, last = key.rpartition(".")
    definitions = MODELS[kind].model_json_schema().get("$defs", {})
    texts = []
    for model in _models_at(MODELS[kind], path.split(".") if path else []):
        table = _table(Section(path, model), definitions, examples)
        for name, row in zip(model.model_fields, table.rows, strict=True):
            if last == name:
                below = [
                    _table(Section(key, child), definitions, examples) for child in _models(model.model_fields[name].annotation)
                ]
                texts.append(_explanation(kind, table, row, below))
    return texts


def _explanation(kind: FileKind, table: KeyTable, row: KeyRow, below: list[KeyTable]) -> str:
    of_type = f", type: {table.tag}" if table.tag else ""
    unit = _UNIT.search(re.sub(r"``.*?``|`[^`]*`", "", row.meaning))
    lines = [
        f"{table.path}.{row.key}".strip(".") + f" ({kind} file{of_type})",
        f"  {row.meaning}",
        f"  value    {row.kinds}",
        *([f"  unit     {unit[1]}"] if unit else []),
        f"  default  {row.default}",
        f"  example  {row.key}: {row.example}",
    ]
    for part in below:
        lines += [f"  keys{f' of type: {part.tag}' if part.tag else ''}: " + ", ".join(row.key for row in part.rows)]
    return _LINK.sub(r"\1", "\n".join(lines)).replace("`", "")


def _models_at(root: type[BaseModel], path: list[str]) -> list[type[BaseModel]]:
    """Spec classes of the value at a path, which may contain names in mappings."""
    found, mapping = [root], False
    for step in path:
        fields = [model.model_fields[step] for model in found if step in model.model_fields]
        if fields or not mapping:
            found = list(dict.fromkeys(child for field in fields for child in _models(field.annotation)))
            mapping = any("dict" in str(field.annotation) for field in fields)
    return found


def _section(kind: str, table: KeyTable) -> list[str]:
    title = f"#### `{table.path}`" if table.path else f"### Top of the {kind} file"
    lines = [
        title + (f", `type: {table.tag}`" if table.tag else ""),
        "",
        f'<a id="{table.anchor}"></a>{table.summary}',
        "",
        f"For example `{_section_example(table)}`.",
        "",
        "| key | value | default | meaning |",
        "| --- | --- | --- | --- |",
    ]
    for row in table.rows:
        lines.append(f"| `{row.key}` | {_escape(row.kinds)} | {row.default} | {_escape(row.meaning)} |")
    return [*lines, ""]


def _section_example(table: KeyTable) -> str:
    """A section with the keys that it needs; with its first key where it needs none."""
    needed = [row for row in table.rows if row.default == "required" or (row.key == "type" and table.tag)]
    return "{" + ", ".join(f"{row.key}: {row.example}" for row in needed or table.rows[:1]) + "}"


def _table(section: Section, definitions: JsonDict, examples: Examples) -> KeyTable:
    path, model = section
    tag = _tag(model)
    rows = _rows(model, definitions, lambda key: examples.get((path, tag, key)))
    return KeyTable(model.__name__, path, tag, _anchor(model.__name__), summary(model), rows)


def _rows(model: type[BaseModel], definitions: JsonDict, given: Callable[[str], object]) -> tuple[KeyRow, ...]:
    described = attributes(model)
    schema = model.model_json_schema(ref_template="#/$defs/{model}")
    # A class that contains itself is described among the definitions.
    properties = (schema["$defs"][model.__name__] if "$ref" in schema else schema)["properties"]
    rows = []
    for key, field in model.model_fields.items():
        if field.is_required():
            default = "file's name" if key == "name" else "required"
        else:
            value = field.get_default(call_default_factory=True)
            default = "as below" if isinstance(value, BaseModel) and not _yaml(value) else f"`{_yaml(value)}`"
        kinds = " or ".join(_kinds(properties[key], definitions))
        values = [part for part in (given(key), *_EXAMPLES.get(key, ())) if part is not None and _accepts(field, part)]
        values += [None if field.is_required() else value, _example(properties[key], definitions)]
        texts = [_flow(plain) for part in values if (plain := _plain(part)) not in (None, "", [], {})]
        example = next((text for text in texts if len(text) <= _LONGEST_EXAMPLE), texts[-1])
        rows.append(KeyRow(key, kinds, default, described.get(key, "Selects this kind."), example))
    return tuple(rows)


def _accepts(field: FieldInfo, value: object) -> bool:
    """Whether a field takes a value; classes without ``type`` at the same path have other keys."""
    try:
        TypeAdapter(field.rebuild_annotation()).validate_python(value)
    except ValidationError:
        return False
    return True


def _example(schema: JsonDict, definitions: JsonDict) -> object:
    """A value that a JSON Schema accepts."""
    if "$ref" in schema:
        part = definitions[str(schema["$ref"]).rpartition("/")[2]]
        keys = dict.fromkeys([*(["type"] if "type" in part["properties"] else []), *part.get("required", [])])
        return {key: _example(part["properties"][key], definitions) for key in keys or [next(iter(part["properties"]))]}
    if alternatives := schema.get("anyOf", schema.get("oneOf")):
        return _example(alternatives[0], definitions)
    if "const" in schema or "enum" in schema:
        return schema.get("enum", [schema.get("const")])[0]
    if schema.get("type") == "array":
        parts = schema.get("prefixItems", [schema.get("items", {})] * max(1, schema.get("minItems", 1)))
        return [_example(part, definitions) for part in parts]
    if schema.get("type") == "object":
        patterns = schema.get("patternProperties", {})
        pattern, values = next(iter(patterns.items()), ("", schema.get("additionalProperties") or {}))
        return {PATTERNS.get(pattern, ("", "name"))[1]: _example(values, definitions)}
    return _scalar_example(schema)


def _scalar_example(schema: JsonDict) -> object:
    if schema.get("type") == "boolean":
        return True
    if schema.get("type") == "string":
        return PATTERNS[schema["pattern"]][1] if schema.get("pattern") in PATTERNS else "text"
    low, above = schema.get("minimum", 1), schema.get("exclusiveMinimum")
    high = schema.get("maximum", schema.get("exclusiveMaximum", math.inf))
    value = max(low, 1) if above is None else max(above + 1, 1)
    return value if value < high else (low if above is None else (above + high) / 2)


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
    if "pattern" in schema:
        return PATTERNS.get(schema["pattern"], (f"text matching `{schema['pattern']}`", ""))[0]
    word = {"number": "number", "integer": "whole number", "boolean": "true or false", "string": "text", "null": "null"}
    limits = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤"}
    text = word.get(str(schema.get("type")), "value")
    bounds = [f"{sign} {schema[key]:g}" for key, sign in limits.items() if key in schema and schema[key] < LARGEST_WHOLE]
    return f"{text} {' and '.join(bounds)}".strip()


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


def _plain(value: object) -> object:
    """A value as plain data; of a spec its type and what differs from the defaults."""
    if isinstance(value, BaseModel):
        tag = {"type": kind} if (kind := getattr(value, "type", None)) else {}
        return {**tag, **value.model_dump(mode="json", exclude_defaults=True)}
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, tuple | list) else value


def _flow(value: object) -> str:
    """Plain data as YAML in one line."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=math.inf)
    return text.removesuffix("...\n").strip()


def _anchor(name: str) -> str:
    return name.removesuffix("Spec").lower()


def _escape(text: str) -> str:
    return text.replace("``", "`").replace("|", "\\|")
