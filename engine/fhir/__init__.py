"""FHIR: a sample's findings as a transaction bundle of the HL7 Genomics Reporting guide, with where they came from.

What is found is decided in :mod:`engine.classify`; sending the bundle to a server is not done here.
"""
