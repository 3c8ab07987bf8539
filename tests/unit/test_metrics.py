"""Names, labels and figures as Prometheus reads them, and the table that explains them."""

import re
from importlib.metadata import version
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from adapters.coze.errors import SAYS
from adapters.metrics import MOST_VALUES, Metrics

PAGE = Path(__file__).parents[2] / "docs" / "operation.md"


def families(metrics, waiting=None, oldest=0.0):
    shown = metrics.show(waiting or {}, oldest).decode()
    return {family.name: family for family in text_string_to_metric_families(shown)}


def value(metrics, name, **labels):
    family = families(metrics)["coze_bridge_" + name]
    return next((s.value for s in family.samples if s.labels == labels and not s.name.endswith("_created")), None)


def names(family):
    """As they are asked for: counters end in `_total`."""
    return f"{family.name}_total" if family.type == "counter" else family.name


def test_the_table_in_the_documentation_names_what_there_is_and_its_labels():
    metrics = Metrics()
    shown = {names(f) for f in families(metrics).values() if f.name.startswith("coze_bridge_")}
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    told = {f"coze_bridge_{name}": tuple(re.findall(r"\w+", labels)) for name, labels in rows}
    assert {name: labels for name, labels in told.items() if name in shown}.keys() == shown
    for name, counter in {**metrics._counters, **metrics._histograms, **metrics._gauges}.items():
        full = next(full for full in told if full.removesuffix("_total") == f"coze_bridge_{name}")
        assert told[full] == counter._labelnames, name


def test_counts_and_histograms_add_up():
    metrics = Metrics()
    metrics.count("turns", platform="slack", outcome="delivered", kind="question")
    metrics.count("turns", 2, platform="slack", outcome="delivered", kind="question")
    metrics.count("recalls")
    assert value(metrics, "turns", platform="slack", outcome="delivered", kind="question") == 3
    assert value(metrics, "recalls") == 1
    metrics.observe("first_text_seconds", 3.0, platform="slack")
    metrics.observe("first_text_seconds", -1.0, platform="slack")
    samples = families(metrics)["coze_bridge_first_text_seconds"].samples
    sums = {s.name.rpartition("_")[2]: s.value for s in samples if not s.name.endswith("_bucket")}
    assert sums == {"count": 2, "sum": 3}


def test_figures_of_the_moment_are_replaced_and_an_absent_database_is_no_zero():
    metrics = Metrics()
    assert value(metrics, "oldest_due_turn_seconds") == 0
    shown = families(metrics, {"received": 2}, 4.0)
    assert shown["coze_bridge_unsettled_turns"].samples[0].value == 2
    assert shown["coze_bridge_oldest_due_turn_seconds"].samples[0].value == 4
    away = families(metrics, {}, None)
    assert not away["coze_bridge_unsettled_turns"].samples
    assert str(away["coze_bridge_oldest_due_turn_seconds"].samples[0].value) == "nan"


def test_a_label_that_others_choose_takes_so_many_values_and_no_more():
    metrics = Metrics()
    for number in range(MOST_VALUES + 50):
        metrics.count("coze_errors", code=str(number))
    metrics.count("coze_errors", code="5")
    samples = families(metrics)["coze_bridge_coze_errors"].samples
    assert len(samples) == MOST_VALUES + 1
    assert value(metrics, "coze_errors", code="other") == 50
    assert value(metrics, "coze_errors", code="5") == 2


def test_what_an_alert_waits_for_is_there_before_the_first_time():
    metrics = Metrics(says=SAYS)
    metrics.expect("telegram")
    assert value(metrics, "refusals", say="credentials") == 0
    assert value(metrics, "refusals", say="quota") == 0
    assert value(metrics, "penalty_seconds", platform="telegram") == 0
    assert value(metrics, "penalty_seconds", platform="slack") is None


def test_the_version_and_the_process_are_shown():
    metrics = Metrics()
    assert value(metrics, "build_info", version=version("coze-bridge")) == 1
    assert {"process_resident_memory_bytes", "process_start_time_seconds"} <= families(metrics).keys()
