"""When people are told without looking: a sensor that sends what is news, by each channel that the options name.

It looks; what there is to tell, and how it is sent, is of :mod:`resources.notifications`. A channel that fails stops
nothing, not even the other channel: the tick says so, and the news goes with the next one that it takes.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from engine.receipt import digest_text
from genomics_assets.jobs import cohort_job, knowledge_job
from resources.channels import Channel, Notice, NotificationError, subject_of
from resources.environment import Resources
from resources.notifications import job_failed, notices_of
from resources.sample_runs import Runs, RunState
from resources.work_list import work_list


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    required_resource_keys=set(Resources.names()),
)
def notifications(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Tells people of failed runs, shut gates and a stuck queue; each news once, by every channel."""
    platform = Resources.of(context.resources)
    runs = Runs(context.instance)
    after = timedelta(hours=platform.settings.notify_stuck_hours)
    notices = (*notices_of(work_list(platform, runs), datetime.now(UTC), after), *_failed_jobs(runs))
    sent = _read(context.cursor)
    told = [_tell(channel, notices, sent, context) for channel in platform.settings.channels]
    reason = " ".join(line for line, _ in told) or "No place is named to which notifications go."
    return dg.SensorResult(skip_reason=reason, cursor=json.dumps(dict(keys for _, keys in told)))


def _failed_jobs(runs: Runs) -> list[Notice]:
    last = [(job.name, runs.last_of(job.name)) for job in (knowledge_job, cohort_job)]
    return [job_failed(name, run.run, run.since) for name, run in last if run and run.state is RunState.FAILED]


def _tell(
    channel: Channel, notices: Sequence[Notice], sent: Mapping[str, list[str]], context: dg.SensorEvaluationContext
) -> tuple[str, tuple[str, list[str]]]:
    """Send what is news for a channel; what is said of it, and the keys of what it has told."""
    by_key = {digest_text(notice.key)[:12]: notice for notice in notices}
    known = [key for key in by_key if key in sent.get(channel.name, [])]
    news = [notice for key, notice in by_key.items() if key not in known]
    if not news:
        return f"No news for {channel}.", (channel.name, known)
    try:
        channel.send(subject_of(news), news)
    except NotificationError as error:
        context.log.warning(str(error))
        return f"{error}", (channel.name, known)
    return f"{len(news)} told by {channel}.", (channel.name, list(by_key))


def _read(cursor: str | None) -> dict[str, list[str]]:
    return dict(json.loads(cursor)) if cursor else {}
