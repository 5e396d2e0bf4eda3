from tansaku.tasks.read.views.readings import Readings, campaign_line
from tansaku.tasks.read.views.status import campaign_status

NAME = "small-table"


def test_before_a_final_relaxation_the_best_of_the_search_is_the_headline(recorded):
    headline = campaign_status(recorded("a1", "a2"), NAME).headline
    assert (headline.shown, headline.another) == (headline.search, None)
    assert headline.describe() == ["best so far: 3 mJ/m2 (a2)"]
    assert campaign_status(recorded(), NAME).headline.describe() == []


def test_the_final_relaxation_is_the_headline_with_what_its_candidate_has_in_the_search(recorded):
    status = campaign_status(recorded("a1", "a2", polish=("a2",)), NAME)
    headline = status.headline
    assert (headline.shown.number, headline.shown.candidate, headline.shown.searched) == (3, "a2", 3.0)
    assert headline.another is None
    assert "  best after the final relaxation: 3 mJ/m2 (a2); in the search 3 mJ/m2" in status.describe().splitlines()


def test_numbers_of_two_candidates_stand_on_two_lines(recorded):
    store = recorded("a1", "a2", polish=("a1",))
    assert campaign_status(store, NAME).headline.describe() == [
        "best after the final relaxation: 5 mJ/m2 (a1); in the search 5 mJ/m2",
        "best of the search: 3 mJ/m2 (a2)",
    ]
    line = campaign_line(Readings(store).reading(NAME))
    assert (line.best, line.candidate) == (3.0, "a2")
    assert (line.relaxed.value, line.relaxed.candidate, line.relaxed.searched) == (5.0, "a1", 5.0)


def test_a_failed_final_relaxation_is_no_headline(recorded):
    assert campaign_status(recorded("a1", polish=("a3",)), NAME).headline.describe() == ["best so far: 5 mJ/m2 (a1)"]
