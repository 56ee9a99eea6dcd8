"""Every metric is documented, named as the field does, bounded, and what the dashboard and the alerts ask for is served."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import promql_parser
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client.metrics_core import Metric

from gateway.metrics import MADE_MOST_PER_S, Metrics
from tests.gateway.http.desk import Desk

REPOSITORY: Final = Path(__file__).resolve().parents[3]
DASHBOARD: Final = REPOSITORY / "deploy/grafana/puhui.json"
RULES: Final = REPOSITORY / "deploy/prometheus/puhui.rules.yml"
PROMTOOL: Final = shutil.which("promtool")
OF_PROMETHEUS: Final = {"up"}
SUFFIXES: Final = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",), "gauge": ("",)}
OF_SCRAPING: Final = {"job", "instance", "le"}
MOST_VALUES: Final = 40
"""Of one label, with everything counted that can be at a start; routes and codes come as they are asked for."""

needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="needs promtool (Debian: apt-get install prometheus)"
)


def served() -> dict[str, Metric]:
    """Names as they are asked for, with what they belong to."""
    return {
        family.name + suffix: family
        for family in Metrics().registry.collect()
        for suffix in SUFFIXES[family.type]
    }


def expressions() -> Iterator[tuple[str, str]]:
    """Every question the dashboard and the alerts ask, and where."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"].replace("$__rate_interval", "1m")
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


def selectors(node: Any) -> Iterator[promql_parser.VectorSelector]:
    """What an expression reads."""
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    for name in ("lhs", "rhs", "expr", "args", "vector_selector", "vs", "param"):
        below = getattr(node, name, None)
        for one in below if isinstance(below, list) else [below]:
            if one is not None:
                yield from selectors(one)


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_what_is_asked_for_is_served(where: str, expression: str) -> None:
    names = {str(selector.name) for selector in selectors(promql_parser.parse(expression))}
    assert names, where
    known = served()
    assert names - known.keys() <= OF_PROMETHEUS, where
    labels = {label for name in names & known.keys() for label in labels_of(known[name])}
    asked = set(re.findall(r"(?:by|without) \(([^)]*)\)", expression))
    by = {label.strip() for group in asked for label in group.split(",")}
    matched = {
        label
        for group in re.findall(r"\{([^}]*)\}", expression)
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", group)
    }
    assert (by | matched) - labels <= OF_SCRAPING, where


def labels_of(family: Metric) -> set[str]:
    """The labels of a family, as the library keeps them and as the page on metrics says."""
    if not family.name.startswith("puhui_"):
        return set()
    documented = re.search(rf"^\| `{family.name}(?:_total)?` \| \w+ \| ([^|]*) \|", page(), re.MULTILINE)
    assert documented is not None, family.name
    told = re.sub(r"\([^)]*\)", "", documented[1])
    known = {label for sample in family.samples for label in sample.labels} - {"le"}
    names = {label.strip() for label in told.split(",") if label.strip()}
    assert known <= names, family.name
    return names


def page() -> str:
    """The documentation."""
    return (REPOSITORY / "docs/metrics.md").read_text()


def test_every_metric_is_documented_and_no_other() -> None:
    told = {
        (name, kind, what)
        for name, kind, what in re.findall(r"^\| `(\w+)` \| (\w+) \| [^|]* \| (.*) \|$", page(), re.MULTILINE)
    }
    families = Metrics().registry.collect()
    there = {
        (family.name + ("_total" if family.type == "counter" else ""), family.type, family.documentation)
        for family in families
        if family.name.startswith("puhui_")
    }
    assert told == there


def test_the_dashboard_is_one_that_grafana_reads() -> None:
    """Grafana's own models read it, and nothing of it is unknown to them."""
    given = json.loads(DASHBOARD.read_text())
    assert list(unknown(given, json.loads(JSONEncoder().encode(Dashboard.from_json(given))))) == []
    numbers = [panel["id"] for panel in given["panels"]]
    assert len(numbers) == len(set(numbers))
    taken: set[tuple[int, int]] = set()
    for panel in given["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells


def unknown(given: Any, read: Any, path: str = "") -> Iterator[str]:
    """What was not read, or read otherwise."""
    if isinstance(given, dict):
        for name, value in given.items():
            if name in read:
                yield from unknown(value, read[name], f"{path}/{name}")
            else:
                yield f"{path}/{name}"
    elif isinstance(given, list):
        for number, (one, other) in enumerate(zip(given, read, strict=True)):
            yield from unknown(one, other, f"{path}/{number}")
    elif given != read:
        yield path


def test_every_alert_says_what_to_do() -> None:
    runbook = (REPOSITORY / "docs/runbook.md").read_text()
    anchors = {
        re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")
        for title in re.findall(r"^## (.*)$", runbook, re.MULTILINE)
    }
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            place, _, anchor = rule["annotations"]["runbook"].partition("#")
            assert (place, anchor in anchors) == ("docs/runbook.md", True), rule["alert"]
            assert rule["labels"]["severity"] in {"page", "warn"}


@needs_promtool
def test_the_alerts_are_sound_and_fire_when_they_should() -> None:
    for arguments in (("check", "rules", RULES.name), ("test", "rules", "puhui.rules.test.yml")):
        run = [str(PROMTOOL), *arguments]
        found = subprocess.run(run, cwd=RULES.parent, capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stdout + found.stderr


@needs_promtool
async def test_metrics_are_named_as_the_field_does(exchange: Desk) -> None:
    await exchange["buyer"].order("b1")
    text = (await exchange.public("/metrics")).text
    found = subprocess.run(  # noqa: ASYNC221 - milliseconds
        [str(PROMTOOL), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


async def test_no_label_can_be_made_up_by_a_client(exchange: Desk) -> None:
    for number in range(3):
        await exchange["buyer"].send("GET", f"/v1/made-up-{number}")
        await exchange["buyer"].send("GET", f"/v1/orders/99{number}")
        await exchange["buyer"].order(f"b{number}", listing=f"NOTHING{number}")
    text = (await exchange.public("/metrics")).text
    assert "made-up" not in text
    assert "NOTHING" not in text
    assert not re.search(r'="[^"]*(buyer|A-|k-)', text)
    for family in exchange.services.metrics.registry.collect():
        values: dict[str, set[str]] = {}
        for sample in family.samples:
            for label, value in sample.labels.items():
                values.setdefault(label, set()).add(value)
        for label, different in values.items():
            assert len(different) <= MOST_VALUES, (family.name, label)


def test_whoever_asks_again_and_again_is_told_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 7.0
    monkeypatch.setattr("gateway.metrics.time.monotonic", lambda: now_s)
    metrics = Metrics()

    def told() -> bytes:
        metrics.stream.conflated.inc()
        return metrics.exposition()

    assert len({told() for _ in range(MADE_MOST_PER_S)}) == MADE_MOST_PER_S
    assert told() == told()
    last, now_s = told(), 8.0
    assert told() != last
