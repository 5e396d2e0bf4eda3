"""Who runs this process, also where the system does not know: a process is split, so this needs no second user."""

import os
import subprocess
import sys

import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.ground.site.users import user_name, user_path

# The list of users is asked as the C library asks it; the answer of an unknown user is an empty list.
UNKNOWN = """
import os, pwd
def unknown(*_):
    raise KeyError("getpwuid(): uid not found")
pwd.getpwuid = unknown
for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "HOME"):
    os.environ.pop(name, None)
from tansaku.tasks.ground.site.users import user_name
from tansaku.tasks.ground.site.processes import this_driver
print(user_name(), this_driver().user)
"""


def test_a_user_without_a_name_is_called_by_the_number():
    said = subprocess.run([sys.executable, "-c", UNKNOWN], capture_output=True, text=True, check=True).stdout.split()
    assert said == [f"uid-{os.getuid()}"] * 2


def test_the_name_is_the_environments(monkeypatch):
    monkeypatch.setenv("LOGNAME", "ada")
    assert user_name() == "ada"


def test_a_path_in_a_home_that_is_not_there_names_the_setting():
    with pytest.raises(ConfigurationError, match=r"TANSAKU_SITE: '~nobody-of-that-name/site.yaml'"):
        user_path("~nobody-of-that-name/site.yaml", "TANSAKU_SITE")
    with pytest.raises(ConfigurationError, match="TANSAKU_HOME"):
        Settings.from_environment({"TANSAKU_HOME": "~nobody-of-that-name/t"})
