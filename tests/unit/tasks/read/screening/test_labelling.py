"""Promising structures of a screen: errors are calibrated, and the stop sentence is right as often as it says."""

from __future__ import annotations

import numpy as np
import pytest

from tansaku.models.domain.specs.calculators.emt import EmtSpec
from tansaku.models.domain.specs.screen import ScreenLabelSpec
from tansaku.tasks.read.screening.calibration import Calibration, Verdict, prospects, spread_sample
from tansaku.tasks.read.screening.labelling import LabelRow, label_promising
from tansaku.tasks.read.screening.rows import RowFile, ScreenRow, lowest_labelled


def row(number: int, predicted: float, deviation: float | None, system: str) -> ScreenRow:
    return ScreenRow(
        candidate=f"c{number}",
        axis=None,
        system=system,
        sigma=None,
        plane=(2, 1, 0),
        angle=None,
        removed_planes=None,
        atoms=40,
        predicted=predicted,
        deviation=deviation,
        computed=0.0,
        atom_deviation=None,
        structure=f"{number:064d}",
    )


def made(seed: int, count: int = 200, systems: int = 20) -> tuple[list[ScreenRow], dict[str, float]]:
    """Structures of some boundaries, and their true energies: 50 + 0.9 × predicted, with three times the model's deviations."""
    rng = np.random.default_rng(seed)
    rows, truth = [], {}
    for number in range(count):
        system = number % systems
        predicted, deviation = 800.0 + 40.0 * system + 200.0 * rng.random(), 5.0 + 15.0 * rng.random()
        rows.append(row(number, predicted, deviation, f"b{system}"))
        truth[rows[-1].structure] = 50.0 + 0.9 * predicted + 3.0 * deviation * rng.standard_normal()
    return rows, truth


def spec(**keys: object) -> ScreenLabelSpec:
    return ScreenLabelSpec.model_validate({"calculator": EmtSpec(), "lowest": 3, "sample": 15, "most": 150} | keys)


def best_true(rows: list[ScreenRow], truth: dict[str, float], count: int) -> list[tuple[str, float]]:
    best: dict[str, float] = {}
    for item in rows:
        best[item.system] = min(truth[item.structure], best.get(item.system, np.inf))
    return sorted(best.items(), key=lambda pair: pair[1])[:count]


def test_the_line_and_the_scatter_of_errors_are_found():
    rows, truth = made(0, 2000)
    predicted, deviations = np.array([item.predicted for item in rows]), np.array([item.deviation for item in rows])
    found = Calibration(predicted, deviations, np.array([truth[item.structure] for item in rows]), np.arange(2000) % 20)
    assert found.line[1] == pytest.approx(0.9, abs=0.02)
    assert found.corrected(np.array([1000.0]))[0] == pytest.approx(950.0, abs=3.0)
    assert found.scale == pytest.approx(3.0, rel=0.05)


def test_the_line_is_that_of_numpy_and_its_coverage_that_of_a_normal_error():
    rows, truth = made(1, 60)
    predicted, deviations = np.array([item.predicted for item in rows]), np.array([item.deviation for item in rows])
    values = np.array([truth[item.structure] for item in rows])
    found = Calibration(predicted, deviations, values, np.arange(60))
    slope, intercept = np.polyfit(predicted, values, 1, w=1.0 / deviations)
    assert found.line == pytest.approx([intercept, slope])
    first, second = found.coverage()
    assert 0.5 < first < 0.85
    assert second > 0.85
    # Errors of a new structure are wider than the scatter: the line is uncertain too.
    assert (found.errors(predicted, deviations) > found.scale * deviations).all()


def test_the_scatter_is_that_of_boundaries_that_are_left_out():
    """Each boundary has an error of its own, and most computed structures are of three boundaries with small ones."""
    rng, covered, before = np.random.default_rng(0), [], []
    for _ in range(60):
        shared = 10.0 * rng.standard_normal(60) * np.where(np.arange(60) < 3, 0.3, 1.0)
        groups = np.concatenate((np.repeat(np.arange(3), 20), np.arange(3, 23)))
        predicted = 1000.0 + 20.0 * groups + 5.0 * rng.random(len(groups))
        values = predicted + shared[groups] + rng.standard_normal(len(groups))
        found = Calibration(predicted, np.full(len(groups), 5.0), values, groups)
        others = np.arange(23, 60)
        there = 1000.0 + 20.0 * others
        errors = np.abs(there + shared[others] - found.corrected(there))
        covered.append(np.mean(errors <= found.errors(there, np.full(len(others), 5.0))))
        alike = Calibration(predicted, np.full(len(groups), 5.0), values, np.arange(len(groups)))
        before.append(np.mean(errors <= alike.errors(there, np.full(len(others), 5.0))))
    assert 0.6 < np.mean(covered) < 0.78
    assert np.mean(before) < 0.56


def test_with_few_boundaries_each_structure_is_left_out():
    rows, truth = made(2, 40, 3)
    labels: dict[str, float | None] = {item.structure: truth[item.structure] for item in rows[:12]}
    found = prospects(rows, labels, 1).calibration
    assert found is not None
    assert found.freedom == 10
    rows, truth = made(2, 40, 8)
    found = prospects(rows, {item.structure: truth[item.structure] for item in rows[:24]}, 1).calibration
    assert found is not None
    assert found.freedom == 6


def test_the_stop_sentence_is_right_as_often_as_it_says(tmp_path):
    right, certain, spent = [], 0, []
    for seed in range(40):
        rows, truth = made(100 + seed)
        kept = RowFile(tmp_path / f"{seed}.jsonl", LabelRow)
        found = label_promising(
            rows,
            spec(),
            lambda item, truth=truth: LabelRow(structure=item.structure, energy=truth[item.structure]),
            kept,
            np.random.default_rng(seed),
        )
        certain += found.verdict.certain
        listed = [(item.system, item.label) for item in lowest_labelled(found.rows)[:3]]
        right.append(listed == best_true(rows, truth, 3))
        spent.append(found.verdict.computed)
    assert certain == 40
    assert np.mean(right) >= 0.9
    assert np.mean(spent) < 100


def test_an_interrupted_screen_computes_nothing_twice(tmp_path):
    rows, truth = made(3)
    asked = []

    def label(item: ScreenRow) -> LabelRow:
        asked.append(item.structure)
        if len(asked) == 21:
            raise KeyboardInterrupt
        return LabelRow(structure=item.structure, energy=truth[item.structure])

    kept = RowFile(tmp_path / "labels.jsonl", LabelRow)
    with pytest.raises(KeyboardInterrupt):
        label_promising(rows, spec(), label, kept, np.random.default_rng(0))
    assert len(kept.read()) == 20
    # The order of the rows is another, as after a screen that continued.
    again = label_promising(rows[::-1], spec(), label, kept, np.random.default_rng(0))
    assert len(asked) == again.verdict.computed + 1
    assert len(set(asked)) == again.verdict.computed


def test_failures_count_and_the_most_ends_it(tmp_path):
    rows, truth = made(4)

    def label(item: ScreenRow) -> LabelRow:
        if int(item.structure) % 3 == 0:
            return LabelRow(structure=item.structure, energy=None, reason="nan: none")
        return LabelRow(structure=item.structure, energy=truth[item.structure])

    found = label_promising(rows, spec(most=16), label, RowFile(tmp_path / "a.jsonl", LabelRow), np.random.default_rng(0))
    assert found.verdict.computed + found.verdict.failed == 16
    assert found.verdict.failed > 0
    assert not found.verdict.certain
    assert "they are not certain" in found.verdict.describe()
    assert f"{found.verdict.failed} that failed are not judged" in found.verdict.describe()
    assert found.calibrated is not None
    failed = [item for item in found.rows if item.corrected is None]
    assert not failed


def test_all_structures_may_be_computed(tmp_path):
    rows, truth = made(5, 12, 3)
    found = label_promising(
        rows,
        spec(lowest=3, probability=0.999999),
        lambda item: LabelRow(structure=item.structure, energy=truth[item.structure]),
        RowFile(tmp_path / "b.jsonl", LabelRow),
        np.random.default_rng(0),
    )
    assert found.verdict.describe() == "All 12 structures were computed; the 3 lowest boundaries are those listed"
    assert found.to_json()["calibration"]["slope"] == pytest.approx(0.9, abs=0.5)


def test_a_structure_of_a_wanted_boundary_counts_below_its_own_best():
    rows = [row(number, 100.0 + number, None, f"b{number // 2}") for number in range(12)]
    labels: dict[str, float | None] = {rows[place].structure: 100.0 + place for place in (0, 2, 4, 6, 8, 10)}
    state = prospects(rows, labels, 2)
    assert state.expected < 1e-6  # each is a little higher than its neighbour, without scatter
    assert prospects(rows, {}, 2).expected == 12.0
    # A seventh boundary is wanted, and one is not known: each of its structures counts.
    more = [*rows, row(12, 500.0, None, "b6"), row(13, 400.0, None, "b6")]
    wanted = prospects(more, labels, 7)
    assert wanted.expected == pytest.approx(2.0)
    assert wanted.best == 13


def test_a_sample_is_spread_over_the_predictions():
    rows, _ = made(6)
    chosen = sorted(rows[place].predicted for place in spread_sample(rows, 10, np.random.default_rng(0)))
    ordered = sorted(item.predicted for item in rows)
    assert len(chosen) == 10
    assert all(ordered[20 * part] <= value <= ordered[20 * part + 19] for part, value in enumerate(chosen))


def test_sentences():
    told = Verdict(lowest=10, computed=60, failed=0, left=940, expected=0.041, asked=0.95).describe()
    assert told == (
        "Of 940 structures that were not computed, 0.041 are expected to change the 10 lowest boundaries: "
        "with 95 % or more none does"
    )
    told = Verdict(lowest=1, computed=60, failed=2, left=940, expected=3.4, asked=0.95).describe()
    assert told == (
        "Of 940 structures that were not computed, 3.4 are expected to change the lowest boundary, more than 0.05: they are "
        "not certain; 2 that failed are not judged"
    )


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"most": 10}, "most: 10; expected at least sample, 15"),
        ({"calculator": {"type": "gpaw"}}, "does not match any of the expected tags"),
        (
            {"calculator": {"type": "chgnet", "workflow": {"type": "migration_barrier"}}},
            "calculator.workflow: a label is an energy of a structure",
        ),
        ({"probability": 1.0}, "probability"),
    ],
)
def test_labels_that_a_screen_cannot_compute_are_refused(keys, message):
    with pytest.raises(ValueError, match=message):
        spec(**keys)
