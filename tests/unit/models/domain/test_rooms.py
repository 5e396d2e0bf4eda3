"""Groups of commands and pages of plug-ins and rooms are known by their descriptions; their code is imported when used."""

from tests.support.plugged_front import add_front
from tests.support.plugin_packages import add_package, python

COMMAND = """
import sys
from typer.testing import CliRunner
from tansaku.deploy.cli.main import app, main
def said(*words):
    result = CliRunner().invoke(app, words)
    return result.output if result.exception is None or isinstance(result.exception, SystemExit) else str(result.exception)
"""


def test_a_group_of_commands_is_listed_without_its_code_and_works(tmp_path):
    add_front(tmp_path)
    code = COMMAND + (
        "listed = said('--help')\n"
        "print('Commands of mine.' in listed, 'Sparse models' in listed, {'my_cli', 'tansaku.sparse.cli'} & set(sys.modules))\n"
        "print(said('mine', 'greet', 'ada'))\n"
        "assert 'greet' in said('mine', '--help')\n"
        "assert \"Did you mean 'mine'\" in said('mines')\n"
    )
    assert python(tmp_path, code).split("\n")[:2] == ["True True set()", "hello ada"]


def test_a_command_of_the_product_looks_for_no_others(tmp_path):
    code = COMMAND + "said('status', '--help')\nprint('tansaku.models.domain.rooms' in sys.modules)\n"
    assert python(tmp_path, code) == "False\n"


def test_a_broken_group_or_page_is_named_and_the_others_work(tmp_path):
    add_front(tmp_path)
    modules = {"broken": "1 / 0", "other": "mine = 3"}
    entries = {"commands": {"bad": "broken:it", "odd": "other:mine", "sparse": "other:mine"}, "pages": {"odd": "other:mine"}}
    add_package(tmp_path, "broken", modules, entries)
    code = COMMAND + (
        "from tansaku.models.domain.plugins import problems\n"
        "from tansaku.models.domain.rooms import command_groups, pages\n"
        "print(*command_groups(), *pages())\n"
        "for problem in problems(): print(problem)\n"
        "print(said('bad'))\n"
    )
    begin = "plug-in broken 1.0:"
    assert python(tmp_path, code).splitlines() == [
        "path sparse mine diffusion sparse mine",
        f"{begin} commands 'bad' was left out: ZeroDivisionError: division by zero",
        f"{begin} commands 'odd' was left out: other:mine is no CommandGroup",
        f"{begin} commands 'sparse' was left out: the name is taken by tansaku itself",
        f"{begin} pages 'odd' was left out: other:mine is no Page",
        f"tansaku bad: {begin} commands 'bad' was left out: ZeroDivisionError: division by zero",
        "  hint: install or repair it",
    ]


def test_plugins_add_methods_figures_and_a_command_that_is_a_function(tmp_path):
    begin = "from tansaku.models.domain.rooms import *\nmine = "
    modules = {
        "my_methods": f"{begin}Method('my_code:build')\n",
        "my_figures": f"{begin}FigureSet('my_code:draw')\n",
        "my_commands": f"{begin}CommandGroup('One command.', 'my_code:greet')\n",
        "my_code": """
def build(name): return f'method {name}'
def draw(*about): return about
def greet(name: str): print('hello', name)
""",
    }
    add_package(tmp_path, "mine", modules, {kind: {"mine": f"my_{kind}:mine"} for kind in ("methods", "figures", "commands")})
    code = COMMAND + (
        "from tansaku.models.domain.rooms import code_behind, figure_sets, methods\n"
        "print(code_behind('methods', 'mine', methods()['mine'].opener)('mine'))\n"
        "print(code_behind('figures', 'mine', figure_sets()['mine'].opener)(1, 2, 3))\n"
        "print(said('mine', 'ada'))\n"
    )
    assert python(tmp_path, code).splitlines()[:3] == ["method mine", "(1, 2, 3)", "hello ada"]


def test_doctor_names_what_a_plugin_adds_to_the_front(tmp_path):
    add_front(tmp_path)
    (tmp_path / "my_page/work.py").write_text("import nowhere_at_all")
    code = (
        "from tansaku.tasks.act.checks.doctor import _plugins\n"
        "for finding in _plugins(): print(finding.state, finding.detail)\n"
    )
    first, second = python(tmp_path, code).splitlines()
    assert first == "ok version 1.0 adds commands: mine"
    assert second.startswith("warning pages: mine: my_page.work:double: ")
    assert "nowhere_at_all" in second
