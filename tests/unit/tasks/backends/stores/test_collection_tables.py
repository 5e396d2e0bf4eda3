"""The tables of stored fields follow from the records."""

import re

from tansaku.tasks.backends.stores.collection_tables import RECORDS, collection_tables
from tansaku.tasks.backends.stores.mongo_schema import INDEXES

TABLES = collection_tables()


def test_every_collection_with_indexes_has_a_table_of_its_fields():
    assert set(INDEXES) - set(RECORDS) == set()
    assert re.findall(r"^### `(\w+)`$", TABLES, re.MULTILINE) == list(RECORDS)


def test_fields_have_their_paths_and_the_words_of_the_docstrings():
    assert "| `proposal.look.deviations` | The prediction is enough when it is worse than `bound` by more than" in TABLES
    assert "| `outcome.failure` | Why there is no value. |" in TABLES
    assert "| `note` | Why it was promoted or not. |" in TABLES


def test_docstrings_become_markdown():
    assert re.findall(r"``|:\w+:`", TABLES) == []
    rows = [line for line in TABLES.splitlines() if line.startswith("| `")]
    assert len(rows) > 100
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {3}


def test_indexes_say_which_are_unique():
    assert "| evaluations | `campaign`, `proposal.number` | unique |" in TABLES
    assert "| observations | `campaign`, `system`, `value` | |" in TABLES
