"""What makes two evaluations the same computation."""

from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.execution import ExecutionSpec
from tansaku.tasks.node.configuration.source import polish_relaxation, polish_source, source_of
from tests.support.campaign_files import boundary_space, table_space

BOUNDARY = {
    "schema_version": 1,
    "name": "b",
    "space": boundary_space("Al", 4.05, [1, 1, 1]),
}
TABLE = {
    "schema_version": 1,
    "name": "t",
    "space": table_space("a.csv", {"id": "id", "value": "v"}, {"x": {"columns": ["x"]}}, sha256="0" * 64),
}


def boundary(**calculator):
    return CampaignSpec.model_validate(BOUNDARY | {"calculator": {"type": "lammps", "potential": "a.eam"} | calculator})


def table(**space):
    return CampaignSpec.model_validate(TABLE | {"space": TABLE["space"] | space})


def test_a_file_counts_by_its_content_not_by_its_path():
    same = {"potential_sha256": "1" * 64}
    assert source_of(boundary(potential="a.eam", **same)) == source_of(boundary(potential="elsewhere/b.eam", **same))
    assert source_of(boundary(**same)) != source_of(boundary(potential_sha256="2" * 64))
    assert source_of(table()) == source_of(table(candidates="moved.csv"))
    assert source_of(table()) != source_of(table(sha256="3" * 64))


def test_relaxation_and_column_belong_to_the_source():
    assert source_of(boundary()) != source_of(boundary(relaxation={"fmax": 0.5}))
    assert source_of(table()) != source_of(table(columns={"id": "id", "value": "w"}))


def test_name_seed_and_budget_do_not():
    spec = table()
    other = spec.model_copy(update={"name": "u", "seed": 9})
    assert source_of(spec) == source_of(other)


def test_polish_frees_cell_and_translation_and_is_a_source_of_its_own():
    spec = boundary(relaxation={"fmax": 0.003, "max_steps": 77})
    relaxation = polish_relaxation(spec)
    assert (relaxation.cell, relaxation.translation, relaxation.fmax, relaxation.max_steps) == ("normal", "free", 0.003, 77)
    already_free = boundary(relaxation={"cell": "normal", "translation": "free"})
    assert polish_source(already_free, source_of(already_free)) != source_of(already_free)
    assert polish_relaxation(table()) is None


def test_a_look_is_a_source_of_its_own_and_its_final_relaxation_converges():
    rough = {"max_steps": 15}
    look = boundary(relaxation={**rough, "unconverged": "keep"})
    assert source_of(look) != source_of(boundary(relaxation=rough))
    final = polish_relaxation(look)
    assert (final.fmax, final.max_steps, final.unconverged) == (0.001, 2000, "fail")


def finally_relaxed(fmax, searched, **calculator):
    spec = boundary(relaxation=searched, **calculator).model_copy(update={"execution": ExecutionSpec(polish_fmax=fmax)})
    relaxation = polish_relaxation(spec)
    return relaxation.fmax, relaxation.max_steps, polish_source(spec, source_of(spec))


def test_a_stricter_final_relaxation_has_steps_for_it_and_is_a_source_of_its_own():
    rough = {"fmax": 0.01, "max_steps": 77}
    fmax, steps, source = finally_relaxed(0.001, rough)
    assert (fmax, steps) == (0.001, 2000)
    assert finally_relaxed(0.001, {"fmax": 0.01, "max_steps": 5000})[:2] == (0.001, 5000)
    assert finally_relaxed(0.01, rough) == finally_relaxed(None, rough)
    assert source != finally_relaxed(0.01, rough)[2]
