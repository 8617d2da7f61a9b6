"""Mitochondrial calls: a circle of 16.6 kb in thousands of copies, of which some may differ from the others."""
