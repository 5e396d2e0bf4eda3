"""The name that spools of earlier versions have; the code is in :mod:`tansaku.tasks.node.jobs`."""
