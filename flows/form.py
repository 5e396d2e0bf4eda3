"""The web form of a campaign on Prefect's page, made from the campaign's model."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType

from prefect.utilities.callables import parameter_schema

from tansaku.flows.launch import launch_flow
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.ground.formats.schema import add_former_keys, describe_parts


def campaign_form() -> JsonDict:
    """JSON Schema of the parameters of :func:`launch_flow`, so that the page shows fields instead of a text box.

    The page shows the members of an ``anyOf`` as tabs and opens the first, so the default member comes first. It does not
    support ``oneOf``, fills in defaults, and ignores ``const``. The schema accepts the same documents as before: the members
    differ in a constant, mostly ``type``.
    """
    schema: JsonDict = parameter_schema(_with_whole_spec(launch_flow.fn)).model_dump()
    describe_parts(CampaignSpec, schema["definitions"])
    add_former_keys(CampaignSpec, schema["definitions"]["CampaignSpec"])
    for name, key in _discriminated(schema).items():
        part = schema["definitions"][name]
        kinds = part["properties"][key]
        values = ", ".join(str(kind) for kind in ([kinds["const"]] if "const" in kinds else kinds["enum"]))
        part["title"] = values if key == "type" else f"{key}: {values}"
        part["required"] = sorted({*part.get("required", ()), key})  # required by the discriminator
    _adapt(schema, schema["definitions"])
    return schema


def _with_whole_spec(launch: Callable[..., object]) -> FunctionType:
    """The same function, whose parameter ``campaign`` is annotated with the campaign's model itself."""
    assert isinstance(launch, FunctionType)
    copied = FunctionType(launch.__code__, launch.__globals__, launch.__name__, launch.__defaults__)
    copied.__doc__, copied.__annotations__ = launch.__doc__, launch.__annotations__ | {"campaign": CampaignSpec}
    return copied


def _discriminated(node: object) -> dict[str, str]:
    """Returns the definitions that a discriminator distinguishes, and its key, by name."""
    if isinstance(node, list):
        return {name: key for item in node for name, key in _discriminated(item).items()}
    if not isinstance(node, dict):
        return {}
    given = node.get("discriminator", {}) if "oneOf" in node else {}
    own = {reference.rpartition("/")[2]: given["propertyName"] for reference in given.get("mapping", {}).values()}
    return own | _discriminated(list(node.values()))


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
