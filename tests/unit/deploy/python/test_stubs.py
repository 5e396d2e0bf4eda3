"""The stub file says what the spec classes say."""

from tansaku.deploy.python.stubs import TARGET, stub_text


def test_the_stub_file_is_that_of_the_spec_classes():
    assert TARGET.read_text(encoding="utf-8") == stub_text(), "run `python -m tansaku.deploy.python.stubs`"
