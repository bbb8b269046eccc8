"""What stands on our dashboards: operations (does it work, and how close to its limits is it) and quality
(what do the lines make). A test runs every expression against a real Prometheus.

Ask for what deploy/prometheus/recording.yml records wherever it does: alerts ask for the same, and a panel
that shows another figure than the alert that led to it helps nobody.
"""

from __future__ import annotations

from collections.abc import Mapping

from inspector.monitoring.grafana import PER_SECOND, RED, YELLOW, Dashboard, Kind, Panel, Row, Target

OPERATIONS = Dashboard(
    uid="inspector-operations",
    title="Inspector: operations",
    text="Does it work, is it in time, and how close to its limits is it?",
    hours=3,
    rows=(
        Row(
            "At a glance",
            (
                Panel(
                    "Alerts",
                    (Target('count(ALERTS{alertname=~"Inspector.*", alertstate="firing"}) or vector(0)'),),
                    text="That are firing now. docs/runbooks.md says what each one means and what to do.",
                    kind=Kind.STAT,
                    width=4,
                    height=4,
                    steps=((1, RED),),
                ),
                Panel(
                    "Verdicts a second",
                    (Target("sum(line:inspector_judged:rate5m)"),),
                    unit=PER_SECOND,
                    text="Of all lines, mean of five minutes.",
                    kind=Kind.STAT,
                    width=4,
                    height=4,
                ),
                Panel(
                    "Refused, 1 h",
                    (Target("inspector:refused:ratio_rate1h"),),
                    unit="percentunit",
                    text="Share of the posted images that we refused for a fault of ours. Objective: 0.1 %.",
                    kind=Kind.STAT,
                    width=4,
                    height=4,
                    steps=((0.001, YELLOW), (0.0144, RED)),
                ),
                Panel(
                    "Late, worst line, 1 h",
                    (Target("max(line:inspector_late:ratio_rate1h)"),),
                    unit="percentunit",
                    text="Share of live images without a verdict within a takt of receipt. Objective: 1 %.",
                    kind=Kind.STAT,
                    width=4,
                    height=4,
                    steps=((0.01, YELLOW), (0.144, RED)),
                ),
                Panel(
                    "Ready workers",
                    (Target("max(inspector_workers)"),),
                    text="That reported to the queue within 15 s.",
                    kind=Kind.STAT,
                    width=4,
                    height=4,
                ),
                Panel(
                    "Dead letters",
                    (Target("max(inspector_queue_dead_letters)"),),
                    text="Images that three workers took and none finished. They wait for a person.",
                    kind=Kind.STAT,
                    width=4,
                    height=4,
                    steps=((1, YELLOW),),
                ),
            ),
        ),
        Row(
            "Lines",
            (
                Panel(
                    "Images accepted a second",
                    (
                        Target(
                            "sum by (line) "
                            '(rate(inspector_images_received_total{line=~"$line"}[$__rate_interval]))',
                            "{{line}}",
                        ),
                    ),
                    unit=PER_SECOND,
                    text="What the cameras of a line send, and the queue took. Flat at 0 in a shift: the "
                    "line stands, or is not inspected.",
                ),
                Panel(
                    "Receipt to verdict",
                    (
                        Target('line:inspector_verdict_seconds:p99_5m{line=~"$line"}', "{{line}} p99"),
                        Target('line:inspector_verdict_seconds:p50_5m{line=~"$line"}', "{{line}} p50"),
                        Target("max(inspector_takt_seconds)", "takt"),
                    ),
                    unit="s",
                    text="Live images only: nothing on the line waits for a re-inspection.",
                ),
                Panel(
                    "Later than a takt",
                    (
                        Target('line:inspector_late:ratio_rate5m{line=~"$line"}', "{{line}}"),
                        Target(
                            'line:inspector_late_since_capture:ratio_rate1h{line=~"$line"}',
                            "{{line}} since capture, 1 h",
                        ),
                    ),
                    unit="percentunit",
                    text="Since receipt, by our clock; since capture, by the camera's. If only the second is "
                    "high, images come late, or the camera's clock is wrong.",
                    steps=((0.01, RED),),
                ),
                Panel(
                    "Since the last part",
                    (Target('line:inspector_last_part:age_seconds{line=~"$line"}', "{{line}}"),),
                    unit="s",
                    text="Of lines that sent one within the last hour.",
                    kind=Kind.BARS,
                    steps=((60, YELLOW), (300, RED)),
                    at_once=True,
                ),
                Panel(
                    "Expired and missed deadlines a second",
                    (
                        Target('line:inspector_expired:rate5m{line=~"$line"}', "{{line}} expired"),
                        Target(
                            "sum by (line) "
                            '(rate(inspector_deadline_missed_total{line=~"$line"}[$__rate_interval]))',
                            "{{line}} inspected too late",
                        ),
                    ),
                    unit=PER_SECOND,
                    text="Expired: no worker began before the deadline. Neither is ever accepted.",
                ),
                Panel(
                    "Refused a second, by reason",
                    (
                        Target(
                            "sum by (reason) (rate(inspector_images_refused_total[$__rate_interval])) > 0",
                            "{{reason}}",
                        ),
                    ),
                    unit=PER_SECOND,
                    text="busy, not-in-time, queue-unavailable are ours; the others: docs/api.md.",
                ),
            ),
        ),
        Row(
            "Queue",
            (
                Panel(
                    "Images waiting and in flight",
                    (
                        Target("max(inspector_queue_depth)", "waiting and in flight"),
                        Target("max(inspector_queue_in_flight)", "in flight"),
                    ),
                    text="A queue that only grows wants more workers. Waiting with none in flight: no worker "
                    "takes.",
                ),
                Panel(
                    "Oldest wait, in takts",
                    (Target("inspector:oldest_wait:takts", "oldest"),),
                    text="Re-inspections wait as long as live images come, and count here.",
                    steps=((1, RED),),
                ),
                Panel(
                    "Byte budget",
                    (
                        Target("max(inspector_queue_bytes)", "images not finished"),
                        Target("max(inspector_queue_known_bytes)", "remembered ids"),
                        Target("max(inspector_queue_archive_bytes)", "results that wait for the archiver"),
                        Target("max(inspector_queue_bytes_limit)", "budget of these"),
                        Target("max(inspector_queue_recent_bytes)", "recent images"),
                    ),
                    unit="bytes",
                    text="When the first three together reach their budget, posts are answered 503. Recent "
                    "images have a bound of their own.",
                ),
                Panel(
                    "Server memory",
                    (Target("inspector:server_memory:ratio", "of maxmemory"),),
                    unit="percentunit",
                    text="The budgets refuse before it is full, if maxmemory has the size that "
                    "docs/settings.md names.",
                    steps=((0.85, YELLOW), (0.97, RED)),
                ),
                Panel(
                    "Append-only file and free disk",
                    (
                        Target("max(inspector_queue_server_aof_bytes)", "append-only file"),
                        Target("min(inspector_queue_disk_free_bytes)", "free on its disk"),
                    ),
                    unit="bytes",
                    text="The file grows, and is rewritten to what is still needed: for that it needs its "
                    "own size once more.",
                ),
                Panel(
                    "Answers, keeps its promise, file is sound",
                    (
                        Target("min(inspector_queue_up)", "answers"),
                        Target("min(inspector_queue_durable)", "is set to the durability promised"),
                        Target("min(inspector_queue_server_aof_sound)", "append-only file is sound"),
                    ),
                    text="1: yes. 0: no, and docs/runbooks.md says what to do.",
                ),
            ),
        ),
        Row(
            "Processes",
            (
                Panel(
                    "Gateway, p99 by stage",
                    (
                        Target(
                            "histogram_quantile(0.99, sum by (stage, le) "
                            "(rate(inspector_gateway_seconds_bucket[$__rate_interval])))",
                            "{{stage}}",
                        ),
                    ),
                    unit="s",
                    text="read: the body; submit: the queue's reply, with its fsync; wait: to the outcome.",
                ),
                Panel(
                    "Worker, p99 by stage",
                    (
                        Target(
                            "histogram_quantile(0.99, sum by (stage, le) "
                            "(rate(inspector_worker_seconds_bucket[$__rate_interval])))",
                            "{{stage}}",
                        ),
                    ),
                    unit="s",
                    text="queued: received to taken; inference: of the batch; total: received to finished.",
                ),
                Panel(
                    "Images in a batch, mean",
                    (
                        Target(
                            "sum by (instance) (rate(inspector_batch_size_sum[$__rate_interval])) / "
                            "sum by (instance) (rate(inspector_batch_size_count[$__rate_interval]))",
                            "{{instance}}",
                        ),
                    ),
                    text="Near the limit of the batch, workers have no time to spare.",
                ),
                Panel(
                    "Connections, waiting requests, live pages",
                    (
                        Target("sum(inspector_gateway_connections)", "connections"),
                        Target("sum(inspector_gateway_waiters)", "waiting requests"),
                        Target("sum(inspector_gateway_viewers)", "live pages"),
                    ),
                    text="Of all gateways. A waiting request is a camera that wants its verdict in the "
                    "answer.",
                ),
                Panel(
                    "Processor time",
                    (
                        Target(
                            "sum by (job, instance) (rate(process_cpu_seconds_total[$__rate_interval]))",
                            "{{job}} {{instance}}",
                        ),
                    ),
                    text="Cores that each process keeps busy.",
                ),
                Panel(
                    "Memory",
                    (Target("process_resident_memory_bytes", "{{job}} {{instance}}"),),
                    unit="bytes",
                    text="Of each process. One that climbs all shift is a leak: report it.",
                ),
            ),
        ),
    ),
)

QUALITY = Dashboard(
    uid="inspector-quality",
    title="Inspector: quality",
    text="What the lines make: reject rate against its control limits, defects by class, what is not judged.",
    hours=12,
    rows=(
        Row(
            "The last hour",
            (
                Panel(
                    "Rejected",
                    (Target('line:inspector_rejects:ratio1h{line=~"$line"}', "{{line}}"),),
                    unit="percentunit",
                    text="NG of all that have a verdict. A part that is inspected again counts again; "
                    "first-pass yield needs the records, which know parts.",
                    kind=Kind.STAT,
                    width=8,
                    height=5,
                ),
                Panel(
                    "Judged",
                    (Target('line:inspector_judged:increase1h{line=~"$line"}', "{{line}}"),),
                    text="Images with a verdict.",
                    kind=Kind.STAT,
                    width=8,
                    height=5,
                ),
                Panel(
                    "Not inspected",
                    (Target('line:inspector_failures:ratio1h{line=~"$line"}', "{{line}}"),),
                    unit="percentunit",
                    text="Failed: damaged images, wrong levels, a recipe that does not fit. Never OK.",
                    kind=Kind.STAT,
                    width=8,
                    height=5,
                    steps=((0.001, YELLOW), (0.02, RED)),
                ),
            ),
        ),
        Row(
            "Is the process in control?",
            (
                Panel(
                    "Reject rate and its control limits",
                    (
                        Target('line:inspector_rejects:ratio1h{line=~"$line"}', "{{line}}, 1 h"),
                        Target('line:inspector_rejects:centre{line=~"$line"}', "{{line}} centre, 7 d"),
                        Target('line:inspector_rejects:upper{line=~"$line"}', "{{line}} upper limit"),
                        Target('line:inspector_rejects:lower{line=~"$line"}', "{{line}} lower limit"),
                    ),
                    unit="percentunit",
                    text="A p chart: limits at three standard deviations of a share of as many parts as the "
                    "hour had, around the share of the week before. Above: the process, or the light. "
                    "Below: often a camera that sees less. Choose one line to read it. Limits come after "
                    "nine hours of data.",
                    width=24,
                    height=10,
                ),
            ),
        ),
        Row(
            "What is found",
            (
                Panel(
                    "Defects by class",
                    (
                        Target(
                            "sort_desc(sum by (class) "
                            '(increase(inspector_findings_total{line=~"$line"}[$__range])))',
                            "{{class}}",
                        ),
                    ),
                    text="Findings that made a part NG, over the range on the screen, most frequent first.",
                    kind=Kind.BARS,
                    width=12,
                    at_once=True,
                ),
                Panel(
                    "Defects an image, by class",
                    (
                        Target(
                            "sum by (class) "
                            '(rate(inspector_findings_total{line=~"$line"}[30m]))'
                            " / on () group_left () "
                            'sum(rate(inspector_verdicts_total{line=~"$line"}[30m]))',
                            "{{class}}",
                        ),
                    ),
                    text="Mean of half an hour. One class that rises alone points to one station.",
                    width=12,
                    stacked=True,
                ),
                Panel(
                    "Verdicts a second",
                    (
                        Target(
                            "sum by (verdict) "
                            '(rate(inspector_verdicts_total{line=~"$line"}[$__rate_interval]))',
                            "{{verdict}}",
                        ),
                    ),
                    unit=PER_SECOND,
                    text="OK, NG and REVIEW on each other: the height is all that was judged.",
                    stacked=True,
                ),
                Panel(
                    "REVIEW share",
                    (
                        Target(
                            "sum by (line) "
                            '(rate(inspector_verdicts_total{line=~"$line", verdict="REVIEW"}[30m])) / '
                            "sum by (line) "
                            '(rate(inspector_verdicts_total{line=~"$line"}[30m]))',
                            "{{line}}",
                        ),
                    ),
                    unit="percentunit",
                    text="What people must decide. A rise without one of NG: images unlike the training's.",
                ),
                Panel(
                    "Failed a second, by error",
                    (
                        Target(
                            'sum by (code) (rate(inspector_failed_total{line=~"$line"}[$__rate_interval]))',
                            "{{code}}",
                        ),
                    ),
                    unit=PER_SECOND,
                    text="Images that could not be inspected; docs/runbooks.md says what each code is about.",
                ),
            ),
        ),
    ),
)

ALL = (OPERATIONS, QUALITY)


def render() -> Mapping[str, str]:
    """Name of the file, without suffix -> its JSON."""
    return {board.uid.removeprefix("inspector-"): board.render() for board in ALL}
