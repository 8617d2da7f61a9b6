"""Calls and reference blocks as lines of VCF 4.2. Decides nothing about what is called. Specification 14.5-14.6."""
