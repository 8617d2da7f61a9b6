"""Which edition of the document of pharmacogenes is written and read: what the writer and every reader agree on."""

EDITION = 1
"""Raised when a field changes its meaning."""
