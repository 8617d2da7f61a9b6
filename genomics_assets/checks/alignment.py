"""Checks of the stage alignment: what must hold before the next stage may use its artifacts."""

from genomics_assets.checks.gates import gate_checks

aligned_reads_checks = gate_checks("aligned_reads")
