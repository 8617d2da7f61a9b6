"""Checks of the stage annotation: what must hold before the next stage may use its artifacts."""

from genomics_assets.checks.gates import gate_checks

annotated_variants_checks = gate_checks("annotated_variants")
