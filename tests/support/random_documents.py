"""Random documents by a JSON schema: every branch of every union is met without naming a type."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

TEXTS = ("a", "Al", "Li+", "x", "y", "data.csv", "lower", "1", "", " ", "\x1b[31m", "é\u202e", "n" * 300)
NUMBERS = (0, 1, -1, 2, 3, 0.5, 1e-9, 1e300, -0.0, 2**63, float("nan"), float("inf"))
DEEPEST = 12


@dataclass
class RandomDocuments:
    """Draws documents that a schema allows, but for some wrong values.

    Attributes:
        schema: With its definitions under ``$defs``.
        random: Source of all choices.
        wrong: Share of values that are replaced by any other value.
    """

    schema: dict[str, Any]
    random: random.Random
    wrong: float = 0.03

    def draw(self) -> Any:
        """A document."""
        return self._value(self.schema, 0)

    def draw_type(self, key: str, reference: str) -> dict[str, Any]:
        """A document in which the value of a key follows one definition of the schema."""
        return self.draw() | {key: self._value({"$ref": reference}, 0)}

    def _value(self, schema: dict[str, Any], depth: int) -> Any:
        if self.random.random() < self.wrong and depth:
            return self.anything()
        if "$ref" in schema:
            return self._value(self.schema["$defs"][schema["$ref"].rsplit("/", 1)[1]], depth)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self._value(self.random.choice(schema[key]), depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        kind = schema.get("type")
        return getattr(self, f"_{kind}", lambda *_: self.anything())(schema, depth)

    def anything(self) -> Any:
        """A value of any kind."""
        return self.random.choice([None, True, [], {}, [[]], {"type": "x"}, *TEXTS, *NUMBERS])

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        needed, known = set(schema.get("required", ())), schema.get("properties", {})
        share = 0.25 if depth < DEEPEST else 0.0
        made = {
            name: self._value(inner, depth + 1)
            for name, inner in known.items()
            if name in needed or "const" in inner or self.random.random() < share
        }
        if not known and isinstance(more := schema.get("additionalProperties"), dict) and depth < DEEPEST:
            made |= {self.random.choice(TEXTS): self._value(more, depth + 1) for _ in range(self.random.randint(1, 2))}
        return made

    def _array(self, schema: dict[str, Any], depth: int) -> list[Any]:
        if "prefixItems" in schema:
            return [self._value(item, depth + 1) for item in schema["prefixItems"]]
        fewest = schema.get("minItems", 0)
        count = self.random.randint(fewest, max(fewest, min(schema.get("maxItems", 3), 3)))
        return [self._value(schema.get("items", {}), depth + 1) for _ in range(count)]

    def _integer(self, schema: dict[str, Any], _: int) -> int:
        low = int(schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1))
        return self.random.randint(low, max(low, min(int(schema.get("maximum", low + 4)), low + 4)))

    def _number(self, schema: dict[str, Any], _: int) -> float:
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0.0))
        high = schema.get("maximum", schema.get("exclusiveMaximum", low + 5.0))
        return round(low + (high - low) * self.random.choice([0.1, 0.5, 0.9]), 3)

    def _string(self, schema: dict[str, Any], _: int) -> str:
        return self.random.choice(schema.get("examples") or TEXTS)

    def _boolean(self, *_: object) -> bool:
        return self.random.random() < 0.5

    def _null(self, *_: object) -> None:
        return None
