"""Structural variants: deletions, duplications, inversions, insertions and translocations from 50 bases on."""
