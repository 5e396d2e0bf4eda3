"""From a file to the report of a spectrum."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.models.spectra.candidates import Fit, Peaks
from tansaku.sparse.tasks.spectrum import SpectrumSettings, decompose, feature_table, read_spectrum, run

pytestmark = pytest.mark.needs("sklearn")

EXAMPLE = Path(__file__).parents[3] / "examples/spectrum-synthetic.csv"
QUICK = SpectrumSettings(most=5, steps=200, repeats=1)


def say(stage, share):
    pass


def test_the_report_of_the_example(tmp_path):
    (data,) = run([EXAMPLE], tmp_path / "out", QUICK, 1, say)
    assert json.loads((tmp_path / "out/report.json").read_text()) == json.loads(json.dumps(data))
    assert data["number_of_peaks"] == 4
    assert sum(data["number_posterior"]) == pytest.approx(1.0)
    assert [peak["position"] for peak in data["peaks"]] == pytest.approx([284.8, 286.3, 288.7, 291.4], abs=0.1)
    assert data["noise"] == pytest.approx(0.02, rel=0.2)
    with (tmp_path / "out/peaks.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["height"]) for row in rows] == pytest.approx([1.0, 0.55, 0.3, 0.12], abs=0.04)
    assert rows[0]["mixing_error"] == ""
    page = (tmp_path / "out/report.html").read_text()
    assert page.count("data:image/png;base64,") == 4


def test_without_sampling_the_approximation_decides():
    found = decompose(read_spectrum(EXAMPLE), SpectrumSettings(most=5, steps=0))
    assert found.sampled is None
    assert found.number == int(np.argmax(found.laplace)) == 4
    assert found.laplace.sum() == pytest.approx(1.0)


def test_an_interrupted_search_ends_as_an_undisturbed_one(tmp_path):
    spectrum = read_spectrum(EXAMPLE)
    settings = SpectrumSettings(most=2, steps=200, repeats=1)
    whole = decompose(spectrum, settings).sampled
    stages = []

    class StopError(Exception):
        pass

    def stop(stage, share):
        stages.append(stage)
        if stages.count("sampling") == 5:
            raise StopError

    with pytest.raises(StopError):
        decompose(spectrum, settings, state=tmp_path, report=stop)
    again = decompose(spectrum, settings, state=tmp_path).sampled
    assert again.landscape.size_posterior.tolist() == whole.landscape.size_posterior.tolist()


def fit(*peaks):
    position, width, height = np.array(peaks, dtype=float).reshape(-1, 3).T
    return Fit(Peaks(position, width, np.zeros(len(height))), height, np.zeros(1), 0.1, np.zeros((len(height), 4)), 0.0)


def test_peaks_of_several_spectra_become_columns():
    columns, rows = feature_table(["a", "b"], [fit((10.1, 2, 1), (20, 2, 3)), fit((10.3, 2.2, 5))])
    assert columns == ["height at 10.2", "position at 10.2", "width at 10.2", "height at 20"]
    assert rows == [[1.0, 10.1, 2.0, 3.0], [5.0, 10.3, 2.2, 0.0]]
    assert feature_table(["a", "b"], [fit(), fit()]) == ([], [[], []])
    with pytest.raises(ConfigurationError, match=r"b: two peaks near 10\.4"):
        feature_table(["a", "b"], [fit((10, 2, 1)), fit((10.4, 2, 1), (11.2, 2, 1))])


def test_several_spectra_have_reports_and_a_table(tmp_path):
    spectrum = read_spectrum(EXAMPLE)
    for name, factor in (("low", 0.5), ("high", 2.0)):
        rows = zip(spectrum.x.tolist(), (factor * spectrum.y).tolist(), strict=True)
        (tmp_path / f"{name}.txt").write_text("".join(f"{x} {y}\n" for x, y in rows))
    settings = SpectrumSettings(most=5, steps=0)
    found = run([tmp_path / "low.txt", tmp_path / "high.txt"], tmp_path / "out", settings, 1, say)
    assert [data["number_of_peaks"] for data in found] == [4, 4]
    with (tmp_path / "out/features.csv").open() as stream:
        low, high = csv.DictReader(stream)
    heights = [name for name in low if name.startswith("height")]
    assert len(heights) == 4
    assert [float(high[name]) / float(low[name]) for name in heights] == pytest.approx([4.0] * 4, rel=0.01)
    assert (tmp_path / "out/low/report.html").exists()
    with pytest.raises(ConfigurationError, match="low: two files of this name"):
        run([tmp_path / "low.txt", tmp_path / "low.txt"], tmp_path / "out", settings, 1, say)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("1 2\n" * 30, "is in it twice"),
        ("".join(f"{n} 1\n" for n in range(10)), "10 points; expected 20"),
        ("".join(f"{n} 1\n" for n in range(30)) + "31 x\n", "line 31"),
        ("".join(f"{n} 1\n" for n in range(30)) + "31 nan\n", "line 31"),
        ("".join(f"{n} 1\n" for n in range(30)) + "31 1 2\n", "line 31"),
        ("".join(f"{n},1,{n - 5}\n" for n in range(30)), "deviation at 0 is not above 0"),
        ("\x00" * 10, "0 points"),
        ("".join(f"{n} {n % 3}e200\n" for n in range(30)), r"the largest number is 2e\+200"),
        ("".join(f"{n} {n % 3}e-200\n" for n in range(30)), "the largest number is 2e-200; expected 1e-100"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, text, match):
    path = tmp_path / "s.txt"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=match):
        read_spectrum(path)


def test_headers_comments_separators_and_order_do_not_matter(tmp_path):
    rows = [(float(n), n % 7) for n in range(30)]
    path = tmp_path / "s.txt"
    path.write_text("# instrument 7\nenergy;counts\n" + "".join(f"{x};\t{y}\n" for x, y in reversed(rows)))
    spectrum = read_spectrum(path)
    assert spectrum.x.tolist() == [row[0] for row in rows]
    assert spectrum.y.tolist() == [row[1] for row in rows]
    assert spectrum.error is None


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        (SpectrumSettings(most=0), "--max-peaks 0"),
        (SpectrumSettings(background=11), "--background 11"),
        (SpectrumSettings(widths=(0.0, 1.0)), "above 0"),
        (SpectrumSettings(widths=(1.0, 100.0)), "16 wide"),
        (SpectrumSettings(steps=10), "--steps 10"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_before_a_folder_is_made(tmp_path, settings, match):
    with pytest.raises(ConfigurationError, match=match):
        run([EXAMPLE], tmp_path / "out", settings, 1, say)
    assert not (tmp_path / "out").exists()
