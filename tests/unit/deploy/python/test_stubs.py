"""The stub file names the constructors that there are, and their keywords."""

import ast
import inspect

from tansaku.deploy.python import constructors
from tansaku.deploy.python.building import made_by
from tansaku.deploy.python.stubs import Stubs
from tansaku.models.domain.ours import package_of


def test_the_stub_file_has_the_constructors_and_keywords_that_there_are():
    functions = {node.name: node.args for node in ast.parse(Stubs().text()).body if isinstance(node, ast.FunctionDef)}
    ours = {name for name, makes in made_by().items() if package_of(makes.spec.__module__) == "tansaku.models"}
    assert set(functions) == ours | set(constructors.__all__)
    for name in ours:
        given = {item.arg for item in (*functions[name].args, *functions[name].kwonlyargs)}
        assert given <= set(inspect.signature(getattr(constructors, name)).parameters), name
    assert [item.arg for item in functions["Table"].args] == ["candidates"]
    assert {"columns", "features", "sha256"} <= {item.arg for item in functions["Table"].kwonlyargs}
