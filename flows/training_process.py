"""A training, run as ``python -m tansaku.flows.training_process`` by a service: it cannot outlive that."""

from __future__ import annotations

from pathlib import Path

from tansaku.tasks.ground.settings import Settings, limit_threads
from tansaku.tasks.ground.site.bound_process import Parent

STOP_SECONDS = 2.0
"""Time for a clean end [s]; the next service continues from the last checkpoint."""


def main() -> None:
    """Gets the id of the training and trains."""
    parent = Parent()
    parent.end_with(STOP_SECONDS)
    limit_threads()
    from tansaku.tasks.backends.resources import open_resources
    from tansaku.tasks.loop.training.requested import train_requested
    from tansaku.tasks.node.configuration.campaign_files import load_site

    settings, site = Settings.from_environment(), parent.message["site"]
    with open_resources(settings, load_site(Path(site) if site else settings.site_file)) as resources:
        request = resources.requests.training(parent.message["training"])
        if request is not None:
            train_requested(resources, request)


if __name__ == "__main__":
    main()
