"""The name that queued jobs of earlier versions have; the code is in :mod:`tansaku.tasks.backends.launchers`."""
