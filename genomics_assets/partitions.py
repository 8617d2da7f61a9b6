"""How artifacts are partitioned: one partition a sample, registered when its sample sheet is accepted."""

import dagster as dg

SAMPLES = dg.DynamicPartitionsDefinition(name="samples")
