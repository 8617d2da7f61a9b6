"""HL7 v2: a sample's report as an ORU^R01 message of version 2.5.1, for hospitals that take no FHIR.

What is said is decided in :mod:`engine.report`, and how it is coded in :mod:`engine.fhir`; sending is not done here.
"""
