"""The commands of ``genomics-engine``: what they have in common, and those that are too long for :mod:`engine.cli`."""
