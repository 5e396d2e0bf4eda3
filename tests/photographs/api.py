"""The description of the API, and what a later one must not break: a client of the older one goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

API = "api.json"
Schema = dict[str, Any]


@dataclass
class Later:
    """Compares the description of an API with an older one.

    Attributes:
        older: The older description.
        newer: The newer one.
    """

    older: Schema
    newer: Schema
    _seen: set[tuple[str, str, bool]] = field(default_factory=set)

    def broken(self) -> Iterator[str]:
        """What a client of the older description misses in the newer one, or is now asked for."""
        for path, methods in self.older["paths"].items():
            for method, operation in methods.items():
                where = f"{method.upper()} {path}"
                now = self.newer["paths"].get(path, {}).get(method)
                if now is None:
                    yield f"{where}: removed"
                    continue
                yield from self._parameters(where, operation, now)
                yield from self._request(where, operation.get("requestBody"), now.get("requestBody"))
                yield from self._answers(where, operation["responses"], now["responses"])

    def _parameters(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        before, after = ({(one["in"], one["name"].lower()): one for one in part.get("parameters", ())} for part in (old, new))
        for key, parameter in before.items():
            if key not in after:
                yield f"{where}: parameter {key[1]} removed"
            else:
                yield from self._schema(f"{where}, parameter {key[1]}", parameter["schema"], after[key]["schema"], sent=True)
        for key, parameter in after.items():
            if parameter.get("required") and not before.get(key, {}).get("required"):
                yield f"{where}: parameter {key[1]} is now required"

    def _request(self, where: str, old: Schema | None, new: Schema | None) -> Iterator[str]:
        if old is None:
            if new is not None and new.get("required"):
                yield f"{where}: a body is now required"
            return
        yield from self._contents(f"{where}, request", old["content"], (new or {"content": {}})["content"], sent=True)

    def _answers(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        for status, answer in old.items():
            if status not in new:
                yield f"{where}: answer {status} removed"
            else:
                now = new[status].get("content", {})
                yield from self._contents(f"{where}, answer {status}", answer.get("content", {}), now, sent=False)

    def _contents(self, where: str, old: Schema, new: Schema, *, sent: bool) -> Iterator[str]:
        for kind, content in old.items():
            if kind not in new:
                yield f"{where}: {kind} removed"
            else:
                yield from self._schema(where, content.get("schema", {}), new[kind].get("schema", {}), sent=sent)

    def _schema(self, where: str, old: Schema, new: Schema, *, sent: bool) -> Iterator[str]:
        """Compares what is sent or answered.

        Args:
            where: Of the schema.
            old: Its older form.
            new: Its newer form.
            sent: Whether clients send it: then more may be accepted, and of an answer less may be returned.
        """
        names = old.get("$ref", ""), new.get("$ref", "")
        if all(names):
            if (*names, sent) in self._seen:
                return
            self._seen.add((*names, sent))
        old, new = _resolved(old, self.older), _resolved(new, self.newer)
        before, after = _types(old, self.older, sent=sent), _types(new, self.newer, sent=sent)
        narrow, wide = (before, after) if sent else (after, before)
        if not all(_covered(one, wide) for one in narrow):
            yield f"{where}: {_said(before)} became {_said(after)}"
            return
        for one, other in _pairs(old, new, self.older, self.newer):
            yield from self._parts(where, one, other, sent=sent)

    def _parts(self, where: str, old: Schema, new: Schema, *, sent: bool) -> Iterator[str]:
        known = new.get("properties", {})
        for name, part in old.get("properties", {}).items():
            if name in known:
                yield from self._schema(f"{where}.{name}", part, known[name], sent=sent)
            else:
                yield f"{where}.{name}: removed"
        asked, promised = set(new.get("required", ())), set(old.get("required", ()))
        if sent:
            yield from (f"{where}.{name}: is now required" for name in sorted(asked - promised))
        else:
            yield from (f"{where}.{name}: may now be missing" for name in sorted(promised & known.keys() - asked))
        for key in ("items", "additionalProperties"):
            if isinstance(old.get(key), dict):
                now = new.get(key)
                yield from self._schema(f"{where}[]", old[key], now if isinstance(now, dict) else {}, sent=sent)


def _resolved(schema: Schema, document: Schema) -> Schema:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _choices(schema: Schema, document: Schema) -> list[Schema]:
    """The alternatives of a schema, itself if it has none."""
    parts = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    return [choice for part in parts for choice in _choices(_resolved(part, document), document)] or [schema]


def _types(schema: Schema, document: Schema, *, sent: bool) -> set[str]:
    """What a value may be: names of types, with their formats; of what clients send, the words of an enumeration."""
    found: set[str] = set()
    for choice in _choices(schema, document):
        kinds = choice.get("type", "anything")
        words = choice.get("enum", [choice["const"]] if "const" in choice else [])
        if sent and words:
            found |= {f"{word!r}" for word in words}
            continue
        form = f" ({choice['format']})" if "format" in choice else ""
        found |= {f"{kind}{form}" for kind in ([kinds] if isinstance(kinds, str) else kinds)}
    return found


def _covered(kind: str, kinds: set[str]) -> bool:
    wider = {"integer": "number"}.get(kind, "string" if kind.startswith("'") else kind.partition(" (")[0])
    return bool(kinds & {kind, wider, "anything"})


def _pairs(old: Schema, new: Schema, older: Schema, newer: Schema) -> Iterator[tuple[Schema, Schema]]:
    """Alternatives that belong together: objects by their title, others by their type."""
    known = {(choice.get("title"), str(choice.get("type"))): choice for choice in _choices(new, newer)}
    by_type = {kind: choice for (_, kind), choice in known.items()}
    for choice in _choices(old, older):
        kind = str(choice.get("type"))
        found = known.get((choice.get("title"), kind), by_type.get(kind))
        if found is not None:
            yield choice, found


def _said(types: set[str]) -> str:
    return " or ".join(sorted(types))
