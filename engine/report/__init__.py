"""The report: what is said of a sample, by whom it was signed, and how it is written for people.

What is found is decided in :mod:`engine.classify`. :mod:`engine.report.statement` puts together everything that is
said; a page, a FHIR bundle or a message renders that and computes nothing.
"""
