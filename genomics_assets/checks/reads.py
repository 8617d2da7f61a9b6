"""Checks of the stage reads: what must hold before the next stage may use its artifacts."""

from genomics_assets.checks.gates import gate_checks

raw_reads_checks = gate_checks("raw_reads")
