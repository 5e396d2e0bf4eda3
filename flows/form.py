"""The web form of a campaign on Prefect's page, made from the campaign's model."""

from __future__ import annotations

from prefect.utilities.callables import parameter_schema

from tansaku.flows.launch import launch_flow
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.reference import add_former_keys, describe_parts


def campaign_form() -> JsonDict:
    """JSON Schema of the parameters of :func:`launch_flow`, so that the page shows fields instead of a text box.

    The page shows the members of an ``anyOf`` as tabs and opens the first, so the default member comes first. It does not
    support ``oneOf``, fills in defaults, and ignores ``const``. The schema accepts the same documents as before: the members
    differ in the constant ``type``.
    """
    schema: JsonDict = parameter_schema(launch_flow.fn).model_dump()
    describe_parts(CampaignSpec, schema["definitions"])
    add_former_keys(CampaignSpec, schema["definitions"]["CampaignSpec"])
    for name in _discriminated(schema):
        part = schema["definitions"][name]
        kinds = part["properties"]["type"]
        part["title"] = kinds["const"] if "const" in kinds else ", ".join(kinds["enum"])
        part["required"] = sorted({*part.get("required", ()), "type"})  # required by the discriminator
    _adapt(schema, schema["definitions"])
    return schema


def _discriminated(node: object) -> set[str]:
    """Returns the names of definitions that a discriminator distinguishes by ``type``."""
    if isinstance(node, list):
        return {name for item in node for name in _discriminated(item)}
    if not isinstance(node, dict):
        return set()
    mapping = node.get("discriminator", {}).get("mapping", {}) if "oneOf" in node else {}
    return {reference.rpartition("/")[2] for reference in mapping.values()} | _discriminated(list(node.values()))


def _adapt(node: object, definitions: JsonDict) -> None:
    """Rewrites a schema and everything below it."""
    if isinstance(node, list):
        for item in node:
            _adapt(item, definitions)
    if not isinstance(node, dict):
        return
    for item in node.values():
        _adapt(item, definitions)
    if "oneOf" in node:
        node["anyOf"] = node.pop("oneOf")
        node.pop("discriminator", None)
    if "anyOf" in node:
        leaves = [leaf for member in node["anyOf"] for leaf in (member["anyOf"] if set(member) == {"anyOf"} else [member])]
        node["anyOf"] = sorted(leaves, key=lambda leaf: not _is_of(node.get("default"), leaf, definitions))
    if "const" in node:
        node.setdefault("default", node["const"])


def _is_of(default: object, member: JsonDict, definitions: JsonDict) -> bool:
    """Returns whether a mapping has the keys of this member of a union."""
    part = definitions.get(member.get("$ref", "").rpartition("/")[2], member)
    keys = part.get("properties", {})
    if not isinstance(default, dict) or not set(part.get("required", ())) <= set(default) <= set(keys):
        return False
    return all(keys[key].get("const", value) == value for key, value in default.items())
