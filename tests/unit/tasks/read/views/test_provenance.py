"""Provenance of a value as a graph."""

import pytest
from ase.build import bulk

import tansaku as ts
from tansaku.models.domain.adoption import ADOPTED
from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.measurements import MEASUREMENTS
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
    used = {("evaluation-7", name) for name in ("spec", "input-1", "calculator", "candidate")}
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


def test_what_was_reported_leads_to_the_measurements_and_to_who_made_them():
    told = [{"id": f"t:0:{i}", "value": value, "user": user} for i, (value, user) in enumerate([(1.0, "ada"), (2.0, "bob")])]
    graph = graph_of(outcome_of(0.0015, properties={MEASUREMENTS: told}))
    assert ends(graph, "wasDerivedFrom") == {("value-7", "measurement-1"), ("value-7", "measurement-2")}
    assert graph.nodes["measurement-2"].label == "measured: 2 meV/atom"
    assert graph.nodes["measurement-2"].facts == {"value": 2.0, "report": "t:0:1"}
    assert {graph.nodes[after].label for _, after in ends(graph, "wasAssociatedWith")} >= {"ada", "bob"}


def test_a_formation_energy_leads_to_the_elements_that_it_refers_to_and_to_the_files():
    crystals = [bulk("Cu", "fcc", a=3.9, cubic=True)]
    crystals[0].symbols[0] = "Au"
    space = ts.Structures(crystals, relaxed=True, phases={"references": "compute"})
    goal = ts.minimize("formation_energy", unit="meV/atom")
    campaign = ts.Campaign(space, goal, budget=1, calculator=ts.Emt(relaxation={"fmax": 0.5}), store=None)
    campaign.run()
    graph = campaign.view().provenance(campaign.frame["candidate"].iloc[0])
    assert ends(graph, "wasDerivedFrom") == {("value-3", "value-1"), ("value-3", "value-2")}
    assert [graph.nodes[f"value-{n}"].label.partition(":")[0] for n in (1, 2)] == ["Au", "Cu"]
    assert graph.nodes["input-1"].facts["sha256"] in campaign.yaml
    assert ("evaluation-3", "input-1") in ends(graph, "used")


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
