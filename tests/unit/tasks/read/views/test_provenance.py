"""Provenance of a value as a graph."""

import pytest

from tansaku.models.domain.adoption import ADOPTED
from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.records import Provenance
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.read.figures.provenance import draw
from tansaku.tasks.read.views.provenance import columns_of_graph, value_provenance
from tests.support.alloys import FILE, outcome_of
from tests.support.records import campaign_record, evaluation_of, proposal_of, read_campaign

EMT = Provenance(code="ase", code_version="3.26", model="emt", model_sha256="a" * 64, tansaku_version="1.2", host="node7")


def graph_of(outcome, *more, **proposed):
    loaded = load_campaign(FILE)
    item = evaluation_of(proposal_of(7, candidate="L10-AuCu", **proposed), outcome)
    data = read_campaign(campaign_record(loaded.spec), loaded.spec, [*more, item])
    return value_provenance(data, "L10-AuCu")


def ends(graph, relation):
    return {(after, before) for kind, after, before in graph.edges if kind == relation}


def test_a_computed_value_leads_to_its_inputs_code_and_choice():
    graph = graph_of(outcome_of(-0.06, provenance=EMT, artifacts={"structure.extxyz": "b" * 64}), horizon=5, model="default")
    assert graph.nodes["value-7"].facts["energy_per_atom"] == "-0.06 eV/atom"
    assert ends(graph, "wasGeneratedBy") == {
        ("value-7", "evaluation-7"), ("file-1", "evaluation-7"), ("candidate", "choice"),
    }  # fmt: skip
    used = {("evaluation-7", name) for name in ("spec", "calculator", "candidate")}
    assert ends(graph, "used") == used | {("choice", "spec"), ("choice", "observations")}
    assert ends(graph, "wasAssociatedWith") == {
        ("evaluation-7", "code"), ("evaluation-7", "tansaku"), ("choice", "proposer"),
    }  # fmt: skip
    assert graph.nodes["calculator"].facts == {"sha256": "a" * 64}


def test_it_is_prov_json_whose_relations_name_what_it_has():
    found = graph_of(outcome_of(-0.06, provenance=EMT)).prov_json()
    assert found["prefix"] == {"tansaku": "urn:tansaku:"}
    assert found["entity"]["tansaku:value-7"]["prov:label"] == "-60 meV/atom"
    assert found["activity"]["tansaku:evaluation-7"]["tansaku:host"] == "node7"
    named = {name for kind in ("entity", "activity", "agent") for name in found[kind]}
    for relation in ("wasGeneratedBy", "used", "wasAssociatedWith"):
        for ends_of in found[relation].values():
            assert set(ends_of.values()) <= named


def test_an_adopted_value_says_where_from():
    origin = {"campaign": "earlier", "created_at": "2026-01-01T00:00:00Z", "number": 3, "candidate": "x"}
    graph = graph_of(outcome_of(-0.06, properties={ADOPTED: origin}))
    assert ends(graph, "wasDerivedFrom") == {("value-7", "origin")}
    assert graph.nodes["origin"].label == "earlier, proposal 3"
    assert "adoption-7" in graph.nodes


def test_a_predicted_value_names_the_model_and_a_final_relaxation_its_search():
    assert graph_of(outcome_of(-0.06, predicted_by="net@2")).nodes["predictor"].label == "net@2"
    searched = evaluation_of(proposal_of(3, candidate="L10-AuCu"), outcome_of(-0.05))
    graph = graph_of(outcome_of(-0.06), searched, purpose="polish")
    assert ends(graph, "wasDerivedFrom") == {("value-7", "value-3")}


def test_without_a_value_there_is_none():
    with pytest.raises(NotFoundError, match="no value of candidate 'L10-AuCu'"):
        graph_of(None)


def test_the_figure_has_the_value_at_its_end(tmp_path):
    graph = graph_of(outcome_of(-0.06, provenance=EMT, artifacts={"structure.extxyz": "b" * 64}), horizon=5)
    columns = columns_of_graph(graph)
    assert [node.name for node in columns[0]] == ["value-7", "file-1"]
    assert sum(map(len, columns)) == len(graph.nodes)
    assert draw(graph, tmp_path / "p.png").stat().st_size > 5000
    assert "</svg>" in draw(graph, tmp_path / "p.svg").read_text()
    with pytest.raises(ConfigurationError, match=r"ends in neither \.png nor \.svg"):
        draw(graph, tmp_path / "p.pdf")
