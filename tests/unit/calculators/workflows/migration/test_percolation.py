"""Union-find with cells, on graphs whose answer is known by hand, and against counting on large supercells."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tansaku.calculators.workflows.migration.network import Hop
from tansaku.calculators.workflows.migration.percolation import Components, find_path, independent, percolate

CHAIN = Hop(0, 0, (1, 0, 0))
DIMER = Hop(0, 1, (0, 0, 0))


def test_a_chain_percolates_in_one_direction_and_a_pair_in_none():
    one, two, three = percolate({0: 0.0}, [[CHAIN]], [0.4])
    assert one.directions == ((1, 0, 0),)
    assert one.barrier == 0.4
    assert (two, three) == (None, None)
    assert percolate({0: 0.0, 1: 0.1}, [[DIMER]], [0.2]) == (None, None, None)


def test_two_hops_between_two_sites_make_a_path_whose_highest_one_limits():
    over = Hop(0, 1, (1, 1, 1))
    one, *_ = percolate({0: 0.0, 1: 0.05}, [[DIMER], [over]], [0.7, 0.3])
    assert one.directions == ((1, 1, 1),)
    assert one.limiting == 0
    assert one.barrier == pytest.approx(0.7)
    assert one.sites == (0, 1)


def test_barriers_are_counted_from_the_lowest_state_of_the_component_that_percolates():
    # Site 2 lies lowest, but nothing leads there.
    one, *_ = percolate({0: 0.3, 1: 0.2, 2: 0.0}, [[DIMER], [Hop(0, 1, (0, 1, 0))]], [0.5, 0.6])
    assert one.lowest == 0.2
    assert one.barrier == pytest.approx(0.4)


def test_a_network_that_must_hold_a_site_waits_for_it():
    sites, above = {0: 0.3, 1: 0.2, 2: 0.0}, Hop(0, 1, (0, 1, 0))
    classes, saddles = [[DIMER], [above], [Hop(2, 0, (0, 0, 0))]], [0.5, 0.6, 0.9]
    assert percolate(sites, classes, saddles)[0].level == 0.6
    one, *_ = percolate(sites, classes, saddles, through=[2])
    assert (one.level, one.lowest, one.limiting) == (0.9, 0.0, 2)
    assert one.directions == ((0, 1, 0),)
    assert percolate(sites, classes[:2], saddles[:2], through=[2]) == (None, None, None)


def test_each_further_dimension_costs_its_own_hop():
    classes = [[Hop(0, 0, (0, 0, 1))], [Hop(0, 0, (0, 1, 0))], [Hop(0, 0, (1, 0, 0))]]
    found = percolate({0: 0.0}, classes, [0.3, 0.1, 0.2])
    assert [one.limiting for one in found] == [1, 2, 0]
    assert [one.level for one in found] == [0.1, 0.2, 0.3]
    assert found[2].directions == ((1, 0, 0), (0, 1, 0), (0, 0, 1))


def test_a_hop_without_a_saddle_point_is_left_out():
    assert percolate({0: 0.0}, [[CHAIN]], [None]) == (None, None, None)


def test_directions_are_independent_short_and_have_one_sign():
    assert independent([(0, 0, 0), (-2, 0, 0), (1, 0, 0), (1, 1, 0), (2, 1, 0)]) == ((1, 0, 0), (1, 1, 0))
    assert independent([(0, 0, -1)]) == ((0, 0, 1),)


def test_the_way_found_ends_on_another_copy_of_its_start():
    classes = [[DIMER], [Hop(0, 1, (1, 1, 1))], [Hop(0, 1, (0, 1, 0))]]
    way = find_path(classes[1][0], classes, [0, 1])
    assert [number for number, _ in way] == [1, 0]
    cell = np.sum([hop.cell for _, hop in way], axis=0)
    assert cell.any()
    assert way[0][1].first == way[-1][1].second
    assert find_path(DIMER, [[DIMER]], [0]) is None


hops = st.builds(Hop, st.integers(0, 3), st.integers(0, 3), st.tuples(*[st.integers(-1, 1)] * 3))


@given(found=st.lists(hops, min_size=1, max_size=7))
def test_the_rank_of_the_windings_is_what_the_cycles_of_the_graph_say(found):
    """Cells are potentials: a spanning tree fixes them, every other hop closes a loop whose cell it must carry."""
    components = Components(range(4))
    for hop in found:
        components.join(hop)
    for root in {components.root(site)[0] for site in range(4)}:
        inside = [hop for hop in found if components.root(hop.first)[0] == root]
        loops = []
        for hop in inside:
            (_, start), (_, end) = components.root(hop.first), components.root(hop.second)
            loops.append(np.array(start) + hop.cell - end)
        rank = np.linalg.matrix_rank(np.array(loops)) if loops else 0
        assert len(components.directions(root)) == rank


@given(found=st.lists(hops, min_size=1, max_size=6), order=st.randoms(use_true_random=False))
def test_the_order_of_equal_hops_does_not_matter(found, order):
    shuffled = list(found)
    order.shuffle(shuffled)
    sites = dict.fromkeys(range(4), 0.0)
    one, other = ([None if p is None else p.level for p in percolate(sites, [hops], [0.5])] for hops in (found, shuffled))
    assert one == other


@given(found=st.lists(hops, min_size=1, max_size=6))
@settings(max_examples=25)
def test_a_walk_into_a_far_cell_exists_exactly_where_there_is_a_winding(found):
    """Counted on a block of copies: a component that percolates spans more cells than its own sites can."""
    size = 7
    nodes = {(site, a, b, c) for site in range(4) for a in range(size) for b in range(size) for c in range(size)}
    one = percolate(dict.fromkeys(range(4), 0.0), [found], [0.5])[0]
    start = None if one is None else one.sites[0]
    longest = 0
    for site in range(4) if start is None else (start,):
        centre = (site, size // 2, size // 2, size // 2)
        seen, waiting = {centre}, [centre]
        while waiting:
            node = waiting.pop()
            for hop in found:
                for way in (hop, hop.back):
                    onto = (way.second, *(x + y for x, y in zip(node[1:], way.cell, strict=True)))
                    if way.first == node[0] and onto in nodes and onto not in seen:
                        seen.add(onto)
                        waiting.append(onto)
        copies = {node[1:] for node in seen if node[0] == site}
        longest = max(longest, len(copies))
    assert (longest > 1) == (one is not None)
