"""Whose reads are these: contamination by another person, and how samples are related."""
