"""Files of a network, with and without refined hops."""

import json
from dataclasses import replace

import numpy as np
import pytest
from ase.io import read

from tansaku.diffusion.cli import show_report
from tansaku.diffusion.hops.refinement import Refinement, RefinementSettings, Refiner
from tansaku.diffusion.hops.report import pass_label
from tansaku.diffusion.tasks.figures import draw_paths, path_figures, surface_figures, surface_slices
from tansaku.diffusion.tasks.files import PathReport, distinct_hops, write_report
from tansaku.diffusion.tasks.refine import refine_surface
from tansaku.diffusion.tasks.surface import read_surface
from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.read.views.campaign_figures import figures_of


@pytest.fixture(scope="module")
def surface(hydrogen):
    return read_surface(hydrogen)


def test_the_network_is_written_as_json_and_graphml(surface, tmp_path):
    networkx = pytest.importorskip("networkx")
    report = PathReport.of(surface)
    written = write_report(report, tmp_path / "out")
    assert [path.name for path in written] == ["network.json", "network.graphml", "path.extxyz"]
    document = json.loads(written[0].read_text())
    lowest = document["lowest_energy"]
    assert [row["energy"] + lowest for row in document["sites"]] == pytest.approx(
        [site.energy for site in report.network.sites]
    )
    assert [row["fraction"] for row in document["sites"]] == [list(site.fraction) for site in report.network.sites]
    assert [hop["orbit"] for hop in document["hops"]] == [item.orbit for item in report.network.passes]
    graph = networkx.read_graphml(written[1], force_multigraph=True)
    assert graph.number_of_nodes() == len(document["sites"])
    assert sorted(data["forward_barrier"] for _, _, data in graph.edges(data=True)) == pytest.approx(
        sorted(hop["forward_barrier"] for hop in document["hops"])
    )
    assert sorted(data["orbit"] for _, _, data in graph.edges(data=True)) == sorted(hop["orbit"] for hop in document["hops"])
    assert document["diffusion"]["activation_energy"] > 0.0
    assert any(hop["limits"] for hop in document["hops"])


def test_what_was_not_computed_has_its_deviation(surface):
    rough = replace(surface, computed=np.zeros_like(surface.computed), deviations=np.full_like(surface.deviations, 0.125))
    for document, deviation in ((PathReport.of(surface).document(), 0.0), (PathReport.of(rough).document(), 0.125)):
        limiting = next(hop for hop in document["hops"] if "3d" in hop["limits"])
        assert limiting["deviation"] == document["sites"][0]["deviation"] == deviation


@pytest.mark.parametrize("rigid", [True, False])
def test_a_host_is_refined_as_it_was_searched(hydrogen, surface, tmp_path, monkeypatch, rigid):
    seen = []
    monkeypatch.setattr(type(surface.space), "rigid", property(lambda _: rigid))
    monkeypatch.setattr(Refiner, "refine", lambda self, *_: seen.append(self._settings))
    refine_surface(hydrogen, surface, tmp_path, RefinementSettings())
    assert [settings.rigid for settings in seen] == [rigid]


def test_the_path_is_written_with_the_ion_at_each_point(surface, tmp_path):
    write_report(PathReport.of(surface), tmp_path)
    frames = read(tmp_path / "path.extxyz", ":")
    assert {frame.get_chemical_symbols()[-1] for frame in frames} == {"H"}
    assert frames[0].positions[:-1] == pytest.approx(frames[-1].positions[:-1])
    barrier = surface.barriers[2].barrier
    assert max(frame.info["relative_energy"] for frame in frames) == pytest.approx(barrier, abs=1e-6)
    assert any(frame.info["computed"] for frame in frames)


def test_the_page_of_a_campaign_shows_its_path_and_its_surface(hydrogen):
    stems = {drawing.stem for drawing in surface_figures(hydrogen, None)}
    assert figures_of(hydrogen).pictures == ("path", "surface")
    assert stems >= {"path", "surface"}


def test_figures_are_drawn(hydrogen, surface, tmp_path):
    drawn = draw_paths(hydrogen, PathReport.of(surface), tmp_path)
    names = {path.name.removeprefix("h-in-al-") for path in drawn}
    assert names == {"surface.png", "path.png", "barrier.png", "arrhenius.png"}
    assert all(path.stat().st_size > 5000 for path in drawn)


def test_figures_have_their_numbers_as_tables(hydrogen, surface):
    report = PathReport.of(surface)
    tables = {drawing.stem: drawing.table for drawing in path_figures(hydrogen, report)}
    names, rows = tables["surface"]
    assert names == ["a", "b", "c", "energy [eV]", "deviation [eV]"]
    cuts = surface_slices(surface)
    assert len(rows) == sum(cut.energy.size for cut in cuts)
    assert min(row[3] for row in rows if row[3] is not None) == pytest.approx(min(float(np.nanmin(cut.energy)) for cut in cuts))
    assert [row[cuts[0].axis] for row in rows[: cuts[0].energy.size]] == pytest.approx([cuts[0].height] * cuts[0].energy.size)
    assert tables["path"][0][:2] == ["distance [Angstrom]", "energy [eV]"]
    names, rows = tables["barrier"]
    unit = hydrogen.certificates[0].unit
    assert names == ["evaluations", f"barrier [{unit}]", f"tolerance [{unit}]"]
    assert [row[1] for row in rows] == [found.estimate for found in hydrogen.certificates if found.estimate is not None]
    assert tables["arrhenius"][0] == ["temperature [K]", "diffusion [cm2/s]"]
    assert [row[1] for row in tables["arrhenius"][1]] == pytest.approx(report.diffusion.coefficients)


def test_slices_have_the_shape_of_the_cell_and_pass_through_the_bottleneck(surface):
    place, cell = np.array(surface.barriers[surface.goal.dimensions - 1].bottleneck), surface.cell
    for cut in surface_slices(surface):
        others = [axis for axis in range(3) if axis != cut.axis]
        assert cut.vectors @ cut.vectors.T == pytest.approx((cell @ cell.T)[np.ix_(others, others)])
        assert cut.vectors[0, 1] == 0.0
        assert cut.neck == pytest.approx(place[others] % 1.0)
        row, column = np.rint(cut.neck * cut.energy.shape).astype(int) % cut.energy.shape
        assert cut.energy[row, column] == pytest.approx(cut.level)
        assert cut.computed.tolist().count(cut.neck.tolist()) == 1


def test_refined_hops_are_lower_than_the_grids_and_a_killed_refinement_continues(hydrogen, surface, tmp_path, capsys):
    settings = RefinementSettings(images=3, fmax=0.02)
    found = refine_surface(hydrogen, surface, tmp_path, settings)
    assert found.failures == {}
    assert {item.method for item in found.network.passes} >= {"band"}
    lowest = found.network.sites[found.network.minimum]
    assert lowest.energy <= surface.network.sites[surface.network.minimum].energy + 1e-9
    assert len(lowest.frequencies) == 3
    assert all(1e12 < value < 1e14 for value in lowest.frequencies)
    refined, grid = found.network.percolations[2], surface.network.percolations[2]
    # A saddle point on the grid is at or above the true one; the minimum too.
    assert refined.level <= grid.level + 1e-3
    assert refined.level > lowest.energy
    # The steps are long, 0.29 Å: the saddle point is 0.43 eV below the point of the grid, of which nothing was computed.
    over = surface.barriers[2]
    assert over.barrier - (refined.level - lowest.energy) == pytest.approx(0.43, abs=0.01)
    assert over.grid_shift == pytest.approx(-0.43, abs=0.03)
    assert over.grid_error == pytest.approx(2.0 * abs(over.grid_shift) + 0.005)
    again = refine_surface(hydrogen, surface, tmp_path, settings)
    assert again.evaluations == found.evaluations
    assert again.network == found.network or np.allclose(
        [item.energy for item in again.network.passes], [item.energy for item in found.network.passes], atol=0.0
    )
    assert (found.earlier, again.earlier) == (0, found.evaluations)
    report = PathReport.of(surface, found)
    names = {path.name for path in write_report(report, tmp_path)}
    assert "bands.extxyz" in names
    assert "h-in-al-bands.png" in {path.name for path in draw_paths(hydrogen, report, tmp_path)}
    (bands,) = (drawing for drawing in path_figures(hydrogen, report) if drawing.stem == "bands")
    assert bands.table[0] == ["hop", "distance [Angstrom]", "energy [eV]"]
    assert len(bands.table[1]) == sum(len(hop.energies) for hop in report.refinement.hops)
    show_report("h-in-al", report)
    show_report("h-in-al", PathReport.of(surface, again))
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("refined barrier")]
    barrier = refined.level - lowest.energy
    assert said[0] == f"refined barrier: {barrier:.3f} eV; refinement: {found.evaluations} evaluations"
    assert said[1] == said[0] + f", {found.evaluations} of them in an earlier run with this folder"
    other = refine_surface(hydrogen, surface, tmp_path, RefinementSettings(images=1, vibrations=False))
    assert other.evaluations < found.evaluations
    assert other.network.sites[0].frequencies == ()


def test_the_method_of_the_refinement_matters_and_is_written(hydrogen, surface, tmp_path, capsys):
    found = {}
    for method in ("band", "dimer", "plane"):
        settings = RefinementSettings(method=method, images=3, vibrations=False)
        found[method] = refine_surface(hydrogen, surface, tmp_path, settings)
        assert found[method].failures == {}
    levels = {method: item.network.percolations[2].level for method, item in found.items()}
    assert levels["dimer"] == pytest.approx(levels["band"], abs=2e-3)
    assert found["dimer"].evaluations < found["band"].evaluations
    rows = PathReport.of(surface, found["plane"]).document()["refinement"]["bands"]
    assert {row["method"] for row in rows} == {"plane"}
    assert all(len(row["energies"]) == 3 for row in rows)
    assert [np.linalg.norm(row["direction"]) for row in rows] == pytest.approx([1.0] * len(rows))
    assert all(isinstance(row["force_along"], float) for row in rows)
    # A force along the path tells that the plane does not hold the saddle point: said where it is more than a relaxed one.
    show_report("h-in-al", PathReport.of(surface, found["plane"]))
    said = capsys.readouterr().err
    for row, hop in zip(rows, found["plane"].hops, strict=True):
        name = pass_label(surface.network.passes[hop.number])
        assert (f"hop {name}: in its plane the ion keeps a force" in said) == (abs(row["force_along"]) > 0.02)
    assert any(abs(row["force_along"]) > 0.02 for row in rows)
    plain = PathReport.of(surface, found["band"]).document()["refinement"]["bands"][0]
    assert plain.keys() == {"distance", "energies", "method"}


@pytest.mark.parametrize(("rise", "said"), [(1e-6, False), (0.05, True)])
def test_another_limiting_hop_is_named_where_it_is_higher_by_more_than_a_band_tells(surface, capsys, rise, said):
    limiting = surface.network.percolations[2].limiting
    others = {
        number: replace(item, energy=item.energy + rise, method="band")
        for number, item in enumerate(surface.network.passes)
        if number != limiting
    }
    network = surface.network.refined({}, others)
    assert network.percolations[2].level > surface.network.percolations[2].level
    show_report("h-in-al", PathReport.of(surface, Refinement(network, (), {}, 1)))
    name = pass_label(surface.network.passes[limiting])
    assert (f"hop {name} limits the path over the grid" in capsys.readouterr().out) == said


def test_another_limiting_hop_is_named_where_the_grids_is_avoided(surface, capsys):
    limiting = surface.network.percolations[2].limiting
    passes = {number: replace(item, method="band") for number, item in enumerate(surface.network.passes)}
    passes[limiting] = replace(passes[limiting], energy=passes[limiting].energy + 0.1)
    network = surface.network.refined({}, passes)
    assert network.percolations[2].limiting != limiting
    show_report("h-in-al", PathReport.of(surface, Refinement(network, (), {}, 1)))
    assert f"hop {pass_label(surface.network.passes[limiting])} limits the path over the grid" in capsys.readouterr().out


def test_no_barrier_is_called_refined_whose_hop_was_not(surface, capsys):
    name = pass_label(surface.network.passes[surface.network.percolations[2].limiting])
    show_report("h-in-al", PathReport.of(surface, Refinement(surface.network, (), {name: "no_barrier"}, 7)))
    said = capsys.readouterr().out
    assert f"no refined barrier: hop {name}, which limits the path, was not refined; refinement: 7 evaluations" in said
    assert "\nrefined barrier" not in said


def test_hops_that_symmetry_makes_equal_are_one_row_with_their_number(surface, capsys):
    report = PathReport.of(surface)
    hops = report.document()["hops"]
    rows = distinct_hops(report.document())
    assert sum(row["count"] for row in rows) == len(hops) > len(rows)
    # The host is the primitive cell of fcc: its point group has 48 operations, and no orbit of hops is larger.
    assert all(1 <= row["count"] <= 48 for row in rows)
    assert {tuple(row["limits"]) for row in rows} >= {("1d", "2d", "3d")}
    show_report("h-in-al", report)
    said = capsys.readouterr().out
    barrier = surface.barriers[2].barrier
    assert f"barrier over the grid in 3 dimension(s): {barrier:.3f} eV with 6 neighbours, {barrier:.3f} eV with 26" in said
    lines = [line.split("\t") for line in said.splitlines()]
    head = next(line for line in lines if line[0] == "hop")
    shown = [dict(zip(head, line, strict=True)) for line in lines[lines.index(head) + 1 :] if len(line) == len(head)]
    assert [int(row["in a cell"]) for row in shown] == [row["count"] for row in rows]
    assert [row["limits"] for row in shown] == [" ".join(row["limits"]) for row in rows]


def test_temperatures_and_the_attempt_frequency_matter(surface):
    plain = PathReport.of(surface, temperatures=(500.0, 600.0)).diffusion
    fast = PathReport.of(surface, temperatures=(500.0, 600.0), attempt=2e13).diffusion
    assert fast.coefficients == pytest.approx(2.0 * plain.coefficients)
    assert plain.coefficients[1] > plain.coefficients[0]


def test_an_ion_that_hardly_moves_has_no_diffusion_where_it_is_too_cold(hydrogen, surface, tmp_path, capsys):
    passes = {number: replace(item, energy=item.energy + 24.0) for number, item in enumerate(surface.network.passes)}
    steep = Refinement(surface.network.refined({}, passes), (), {}, 1)
    report = PathReport.of(surface, steep, temperatures=(300.0, 600.0))
    show_report("h-in-al", report)
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines() if line[:4] in ("300\t", "600\t")]
    assert rows[0][1] == "no diffusion"
    assert float(rows[1][1]) == pytest.approx(report.diffusion.coefficients[1], rel=0.1)
    assert report.diffusion.energy == pytest.approx(24.0 + PathReport.of(surface).diffusion.energy, abs=0.1)
    write_report(report, tmp_path)
    assert any(path.name == "h-in-al-arrhenius.png" for path in draw_paths(hydrogen, report, tmp_path))
    cold = PathReport.of(surface, steep, temperatures=(100.0, 200.0))
    write_report(cold, tmp_path)
    assert json.loads((tmp_path / "network.json").read_text())["diffusion"]["coefficients"] == [0.0, 0.0]
    assert not any(path.name == "h-in-al-arrhenius.png" for path in draw_paths(hydrogen, cold, tmp_path))


def test_diffusion_along_the_axes_of_the_tensor_is_said(surface, capsys):
    report = PathReport.of(surface)
    show_report("h-in-al", report)
    said = capsys.readouterr().out
    assert "diffusion: the ion moves in 3 dimensions; the mean is over all directions in space; activation energy 4." in said
    row = next(line.split("\t") for line in said.splitlines() if line.startswith("500\t"))
    # The host is cubic: the mean is what each axis has.
    assert len(row) == 5
    assert [float(cell) for cell in row[2:]] == pytest.approx([float(row[1])] * 3, rel=0.05)
    data = report.document()["diffusion"]
    assert (data["dimensions"], np.shape(data["along"])) == (3, (6, 3))
    assert np.linalg.eigvalsh(data["tensors"])[:, ::-1] == pytest.approx(np.array(data["along"]))


def test_a_folder_that_cannot_be_made_is_refused(surface, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="--out"):
        write_report(PathReport.of(surface), tmp_path / "file" / "below")
