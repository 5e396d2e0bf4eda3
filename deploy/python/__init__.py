"""Campaigns in a Python script: what `import tansaku` offers beside :func:`tansaku.open`."""
