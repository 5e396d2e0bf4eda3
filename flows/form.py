"""The form of a campaign on Prefect's page, made from the campaign's model."""

from __future__ import annotations

from prefect.utilities.callables import parameter_schema

from tansaku.flows.launch import launch_flow
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.reference import describe_parts


def campaign_form() -> JsonDict:
    """JSON Schema of the parameters of :func:`launch_flow`, so that the page shows fields and not text to be typed.

    The page shows the members of an ``anyOf`` as tabs and knows no ``oneOf``; it fills in defaults, and takes nothing from a
    ``const``. It opens the first tab, so that the one of the default must come first. What the schema accepts stays the same:
    the members differ in the constant ``type``.
    """
    schema: JsonDict = parameter_schema(launch_flow.fn).model_dump()
    describe_parts(CampaignSpec, schema["definitions"])
    for name in _told_apart(schema):
        part = schema["definitions"][name]
        kinds = part["properties"]["type"]
        part["title"] = kinds["const"] if "const" in kinds else ", ".join(kinds["enum"])
        part["required"] = sorted({*part.get("required", ()), "type"})  # which the discriminator asked for
    _adapt(schema, schema["definitions"])
    return schema


def _told_apart(node: object) -> set[str]:
    """Names of the definitions that a discriminator tells apart by their ``type``."""
    if isinstance(node, list):
        return {name for one in node for name in _told_apart(one)}
    if not isinstance(node, dict):
        return set()
    mapping = node.get("discriminator", {}).get("mapping", {}) if "oneOf" in node else {}
    return {reference.rpartition("/")[2] for reference in mapping.values()} | _told_apart(list(node.values()))


def _adapt(node: object, definitions: JsonDict) -> None:
    """Rewrites a schema and all below it."""
    if isinstance(node, list):
        for one in node:
            _adapt(one, definitions)
    if not isinstance(node, dict):
        return
    for one in node.values():
        _adapt(one, definitions)
    if "oneOf" in node:
        node["anyOf"] = node.pop("oneOf")
        node.pop("discriminator", None)
    if "anyOf" in node:
        leaves = [leaf for member in node["anyOf"] for leaf in (member["anyOf"] if set(member) == {"anyOf"} else [member])]
        node["anyOf"] = sorted(leaves, key=lambda leaf: not _is_of(node.get("default"), leaf, definitions))
    if "const" in node:
        node.setdefault("default", node["const"])


def _is_of(default: object, member: JsonDict, definitions: JsonDict) -> bool:
    """Whether a mapping has the keys of this member of a union."""
    part = definitions.get(member.get("$ref", "").rpartition("/")[2], member)
    keys = part.get("properties", {})
    if not isinstance(default, dict) or not set(part.get("required", ())) <= set(default) <= set(keys):
        return False
    return all(keys[key].get("const", value) == value for key, value in default.items())
