"""Checks of the stage calls: what must hold before the next stage may use its artifacts."""

from genomics_assets.checks.gates import gate_checks

gvcf_checks = gate_checks("gvcf")
variants_checks = gate_checks("variants")
