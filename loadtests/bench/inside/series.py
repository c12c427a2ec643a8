"""How many series one tenant costs a process at most: every declared metric with every allowed label value."""

from itertools import product

from sample_app.telemetry import names

_TENANT = "tenant_id"
_VALUES: dict[str, tuple[str, ...]] = {
    "decision": names.DECISIONS,
    "signal_type": names.SIGNAL_TYPES,
    "automation_type": names.AUTOMATION_TYPES,
    "status": names.EXECUTION_STATUSES,
    "operation": names.PROFILE_OPERATIONS,
    "event_type": (*names.EVENT_TYPES, names.OTHER),
    "segment_type": names.SEGMENT_TYPES,
    "platform": names.PLATFORMS,
    "error_class": names.ERROR_CLASSES,
    _TENANT: ("acme",),
}


def series_per_tenant() -> int:
    """Count what the exposition would hold; a label without declared values raises KeyError."""
    total = 0
    for metric in names.METRICS:
        if _TENANT in metric.labels:
            label_sets = len(list(product(*(_VALUES[label] for label in metric.labels))))
            # a histogram: its buckets, +Inf, sum and count
            total += label_sets * (len(metric.buckets) + 3 if metric.kind == "histogram" else 1)
    return total
