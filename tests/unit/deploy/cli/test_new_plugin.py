import pytest
import yaml

from tansaku.deploy.cli import new_plugin
from tansaku.models.domain.errors import ConfigurationError


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("1e3", "a letter first"),
        ("../x", "a letter first"),
        ("A", "a letter first"),
        ("yes", "'yes' is no text in a campaign file"),
        ("null", "'null' is no text in a campaign file"),
        ("emt", "there is a calculator 'emt' already"),
    ],
)
def test_names_that_no_campaign_could_use_are_refused(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=message):
        new_plugin.calculator(name)
    assert list(tmp_path.iterdir()) == []


def test_the_campaign_of_a_package_names_its_calculator():
    assert yaml.safe_load(new_plugin.package_files("class")["campaign.yaml"])["calculator"]["type"] == "class"


def test_words_that_yaml_reads_as_something_else_are_known():
    words = ["false", "n", "no", "null", "off", "on", "true", "y", "yes", "nan", "inf", "e"]
    assert {word for word in words if not isinstance(yaml.safe_load(word), str)} <= new_plugin._WORDS_OF_YAML
