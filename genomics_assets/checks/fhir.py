"""Checks of the stage fhir: what must hold before the next stage may use its artifacts."""

from genomics_assets.checks.gates import gate_checks

fhir_bundle_checks = gate_checks("fhir_bundle")
