"""Retraining: a campaign's surrogate learns from its results.

This package decides when and on which data, runs the job and handles the version.

What is stored of a retrain, and what follows from that alone, is :mod:`tansaku.models.domain.retraining`; training itself,
which retraining shares with ``tansaku model train``, is :mod:`tansaku.tasks.loop.training`.
"""
