from tansaku.deploy.cli import outcomes


def test_compositions_are_listed_with_barrier_paths_and_what_computed_it(tavorite_search, capsys):
    data = tavorite_search(8)
    outcomes._show_compositions(data)
    head, *lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert head[:3] == ["formula", "candidate", "E_b [eV]"]
    assert len(lines) == 8
    best = dict(zip(head, lines[0], strict=True))
    assert best["formula"].startswith("Li")
    assert best["directions"] == "[1 0 -1]"
    assert best["hops"] == "2>3[1,0,0], 2>3[0,0,1]"
    assert best["limiting_hop"] == "2>3[0,0,1]"
    assert best["model"] == "emt 1"
    failed = dict(zip(head, lines[-1], strict=True))
    assert (failed["E_b [eV]"], failed["reason"]) == ("", "not_converged: no")
