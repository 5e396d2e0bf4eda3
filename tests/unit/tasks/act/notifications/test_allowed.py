"""An admin's edit of the site file applies without a new start."""

from __future__ import annotations

import os

import pytest

from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.specs.notifications import NotificationsSpec
from tansaku.tasks.act.notifications.allowed import SiteNotifications
from tansaku.tasks.act.notifications.sending import Sender
from tansaku.tasks.node.configuration.campaign_files import load_site

ADDRESS = "http://10.20.0.5/hook"


def test_a_network_that_is_allowed_later_is_allowed_at_once(tmp_path):
    file = tmp_path / "site.yaml"
    file.write_text("notifications: {page: 'https://a.example.org'}\n")
    site = SiteNotifications(file, load_site(file).notifications)
    with pytest.raises(FieldError, match="not public"):
        Sender(site.now()).check("webhook", ADDRESS)
    file.write_text("notifications: {private_networks: [10.20.0.0/16]}\n")
    os.utime(file, (1, 1))
    Sender(site.now()).check("webhook", ADDRESS)
    file.write_text("notifications: {private_networks: [nowhere]}\n")
    Sender(site.now()).check("webhook", ADDRESS)  # a wrong file changes nothing
    file.unlink()
    Sender(site.now()).check("webhook", ADDRESS)
    file.write_text("{}\n")
    assert site.now() == NotificationsSpec()


def test_without_a_file_the_site_stays():
    spec = NotificationsSpec(private_networks=("10.0.0.0/8",))
    assert SiteNotifications(None, spec).now() == spec
