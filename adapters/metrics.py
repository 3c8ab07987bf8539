"""Counts what happens, and shows it in Prometheus' text format."""

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from importlib.metadata import version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

_COUNTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "inbound": ("Messages that came in, by what became of them.", ("platform", "outcome")),
    "turns": ("Turns that were settled: the answers that were finished.", ("platform", "outcome", "kind")),
    "merged": ("Questions that became part of a later one of the same person.", ("platform",)),
    "recalls": ("Answers fetched from Coze after a crash or a cut stream.", ()),
    "possible_duplicates": ("Sends repeated, as the one before may have arrived and was not found.", ("platform",)),
    "possible_repeats": ("Questions asked again although Coze may have had them.", ()),
    "rate_limited": ("429s received.", ("platform",)),
    "penalty_seconds": ("Seconds of penalty received with them.", ("platform",)),
    "previews_shown": ("Versions of growing answers that were painted.", ("platform",)),
    "previews_dropped": ("Versions that nobody saw: replaced by a newer one, or given up.", ("platform", "cause")),
    "attachments": ("Pictures and files of answers, by what became of them.", ("platform", "outcome")),
    "files": ("Files and voice messages that came with questions, by what became of them.", ("platform", "outcome")),
    "refusals": ("Questions that ended in a refusal, by the sentence that was said.", ("say",)),
    "feedback": ("Judgements of answers: buttons pressed, each change of mind once.", ("platform", "judgement")),
    "tools": ("Tools that bots called, by what became of it.", ("tool", "outcome")),
    "coze_errors": ("Calls to Coze that failed, by Coze's code or the HTTP status.", ("code",)),
    "coze_tokens": ("Tokens that Coze counted for the answers that were finished.", ("bot",)),
    "coze_alerts": ("Troubles that only the operator can mend: once an hour for as long as one lasts.", ("cause",)),
    "coze_unknown": ("Coze events and message types that we do not know.", ("kind",)),
    "updates_ignored": ("Updates of a kind or shape that we do not know.", ("platform", "kind")),
}
_ANSWERS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640, 1280, 7200)
_MOMENTS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_HISTOGRAMS: dict[str, tuple[str, tuple[str, ...], tuple[float, ...]]] = {
    "answer_seconds": ("From the acceptance of a message to the end of its answer.", ("kind",), _ANSWERS),
    "first_text_seconds": ("From the acceptance of a question to its first visible text.", ("platform",), _ANSWERS),
    "first_paint_seconds": ("From Coze's first text to the first visible text.", ("platform",), _ANSWERS),
    "event_loop_lag_seconds": ("By how much the event loop is late.", (), _MOMENTS),
}
_GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "unsettled_turns": ("Turns not settled.", ("state",)),
    "oldest_due_turn_seconds": ("Age of the oldest turn that could go on now; NaN: the database is away.", ()),
    "tasks": ("Tasks of the event loop that have not ended.", ()),
    "build_info": ("1, with the version as its label.", ("version",)),
}
_WATCHED = {"coze_token_seconds_left": "Until the credentials for Coze end, where that is known."}
MOST_VALUES = 100
"""Of one label that is not ours to choose (`kind`, `code`): each value is a time series. More are called `other`."""
_OPEN_LABELS = ("kind", "code")

# A second series for each, with the time of its first count; nobody asks for it.
disable_created_metrics()  # type: ignore[no-untyped-call]  # as it is there


class Metrics:
    """A Meter that Prometheus can read. All counts begin at 0 when the process starts."""

    def __init__(self, says: Iterable[str] = (), causes: Iterable[str] = ()) -> None:
        """The series of refusals by these sentences, and of alerts for these causes, are there from the start, so that
        a first one is seen as one.
        """
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._counters = {
            name: Counter(f"coze_bridge_{name}", text, labels, registry=self._registry)
            for name, (text, labels) in _COUNTERS.items()
        }
        self._histograms = {
            name: Histogram(f"coze_bridge_{name}", text, labels, buckets=buckets, registry=self._registry)
            for name, (text, labels, buckets) in _HISTOGRAMS.items()
        }
        self._gauges = {
            name: Gauge(f"coze_bridge_{name}", text, labels, registry=self._registry)
            for name, (text, labels) in _GAUGES.items()
        }
        self._values: dict[tuple[str, str], set[str]] = {}
        self._gauges["build_info"].labels(version=version("coze-bridge")).set(1)
        for say in says:
            self._counters["refusals"].labels(say=say)
        for cause in causes:
            self._counters["coze_alerts"].labels(cause=cause)

    def expect(self, platform: str) -> None:
        """The series of that platform are there from now on, for the same reason."""
        for name, (_, labels) in _COUNTERS.items():
            if labels == ("platform",):
                self._counters[name].labels(platform=platform)

    def watch(self, name: str, value: Callable[[], float]) -> None:
        """From now on there is that gauge, and it is what this returns whenever somebody looks."""
        Gauge(f"coze_bridge_{name}", _WATCHED[name], registry=self._registry).set_function(value)

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        """Adds to a counter."""
        counter = self._counters[name]
        (counter.labels(**self._bounded(name, labels)) if labels else counter).inc(value)

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Adds one measurement to a histogram."""
        histogram = self._histograms[name]
        (histogram.labels(**labels) if labels else histogram).observe(max(seconds, 0.0))

    def show(self, waiting: Mapping[str, int], oldest_seconds: float | None) -> bytes:
        """Everything, as text; `waiting` is the number of unsettled turns by state, and both are of this moment.

        `oldest_seconds` None: not known, as the database does not answer.
        """
        gauge = self._gauges["unsettled_turns"]
        gauge.clear()
        for state, number in waiting.items():
            gauge.labels(state=state).set(number)
        with suppress(RuntimeError):  # nothing runs
            self._gauges["tasks"].set(len(asyncio.all_tasks()))
        self._gauges["oldest_due_turn_seconds"].set(math.nan if oldest_seconds is None else max(oldest_seconds, 0.0))
        return generate_latest(self._registry)

    def _bounded(self, name: str, labels: dict[str, str]) -> dict[str, str]:
        for label in _OPEN_LABELS:
            if label in labels:
                values = self._values.setdefault((name, label), set())
                if labels[label] not in values and len(values) >= MOST_VALUES:
                    labels[label] = "other"
                values.add(labels[label])
        return labels
