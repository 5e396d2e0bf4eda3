"""Random campaign files are read or refused with a reason, whatever types are registered; no other error leaves the reader."""

from __future__ import annotations

import copy
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tests.support.random_documents import RandomDocuments

EXAMPLES = Path(__file__).resolve().parents[6] / "examples"
SCHEMA = CampaignSpec.model_json_schema()


@pytest.fixture(scope="module")
def examples(tmp_path_factory) -> list[Path]:
    """Campaign files of a copy of the examples."""
    folder = tmp_path_factory.mktemp("examples") / "copy"
    shutil.copytree(EXAMPLES, folder)
    return [path for path in sorted(folder.rglob("*.yaml")) if "space:" in path.read_text()]


def read(path: Path, document: Any) -> bool:
    """Whether a file is accepted; an error that is not a refusal is raised."""
    path.write_text(yaml.safe_dump(document, allow_unicode=True))
    try:
        load_campaign(path)
    except ConfigurationError as error:
        if not str(error).strip():
            raise AssertionError("a refusal without a reason") from error
        return False
    return True


def test_every_type_is_drawn_and_nothing_but_a_refusal_comes_of_it(tmp_path):
    types = {(key, *item) for key, schema in SCHEMA["properties"].items() for item in types_of(schema)}
    assert {"space", "calculator", "proposer"} <= {key for key, _, _ in types}
    for number, (key, name, reference) in enumerate(sorted(types)):
        for seed in range(15):
            documents = RandomDocuments(SCHEMA, random.Random(100 * number + seed), wrong=0.02 * (seed % 2))
            document = documents.draw_type(key, reference)
            assert documents.wrong or document[key]["type"] == name
            read(tmp_path / "campaign.yaml", document)


def types_of(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Types that a key may have, and the definition of each."""
    yield from schema.get("discriminator", {}).get("mapping", {}).items()
    for branch in schema.get("anyOf", ()):
        yield from types_of(branch)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all keys and items."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


def changed(document: dict[str, Any], documents: RandomDocuments) -> dict[str, Any]:
    """A document with one key drawn anew, removed, or given any value."""
    document, choose = copy.deepcopy(document), documents.random
    if choose.random() < 0.5:
        document |= {(key := choose.choice(sorted(SCHEMA["properties"]))): documents.draw().get(key)}
        return document
    *path, last = choose.choice(list(places(document)))
    holder: Any = document
    for key in path:
        holder = holder[key]
    if isinstance(holder, dict) and choose.random() < 0.3:
        del holder[last]
    else:
        holder[last] = documents.anything()
    return document


def test_a_changed_example_is_read_or_refused(examples):
    accepted = []
    for seed in range(250):
        documents = RandomDocuments(SCHEMA, random.Random(seed), wrong=0.0)
        example = documents.random.choice(examples)
        document = changed(yaml.safe_load(example.read_text()), documents)
        accepted.append(read(example.with_name("changed.yaml"), document))
    assert 10 < sum(accepted) < 240


def test_a_name_that_no_file_system_takes_is_refused_by_its_key(tmp_path):
    document = {
        "schema_version": 1,
        "name": "long",
        "space": {"type": "structures", "folder": "n" * 300},
        "objective": {"unit": "eV/atom", "property": "energy_per_atom"},
        "calculator": {"type": "emt"},
        "budget": {"evaluations": 1},
    }
    (tmp_path / "long.yaml").write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigurationError, match=r"space\.folder: .*a name of 300 bytes; expected a path whose names have 255"):
        load_campaign(tmp_path / "long.yaml")
