"""What was asked back from the archive: looked after until it can be read, when its sample is asked for again."""

import dagster as dg

from engine.errors import GenomicsError
from resources.environment import Resources
from resources.tiering import note_ended, pending


@dg.sensor(
    name="rehydrations",
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
    required_resource_keys=set(Resources.names()),
    description="Looks after what was asked back from the archive tier; a sample whose files are back is run again.",
)
def rehydrations(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Ask for no run itself: the registry's sensor does, as for any sample that waits."""
    platform = Resources.of(context.resources)
    try:
        ended = note_ended(platform)
        waiting = pending(platform)
    except GenomicsError as error:
        return dg.SkipReason(str(error))
    told = [f"{one.sample} {one.asset} {one.tier}, since {one.since}" for one in waiting if not one.is_back]
    again = [f"{sample} is asked for again" for sample in ended]
    return dg.SkipReason("; ".join([*again, *told]) or "Nothing was asked back.")
