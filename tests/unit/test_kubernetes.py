"""The manifest for Kubernetes says what the service does: settings that exist, probes, times and rights."""

import re
from pathlib import Path

import pytest

from adapters.slack import adapter as slack
from adapters.telegram import webhook
from bridge.app import CLOSE_SECONDS
from bridge.config import IN_FILES, NAMES, Settings
from bridge.sources import from_secret_files
from tests.unit.manifests import documents

DEPLOY = Path(__file__).parents[2] / "deploy"
TEXT = (DEPLOY / "kubernetes.yaml").read_text()
GOODBYE_SECONDS = 15.0
"""For closing connections, when the answers under way are done or let go of."""
DEPLOYMENT, SERVICE, BUDGET = documents(TEXT)
POD = DEPLOYMENT["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
ENVIRONMENT = {variable["name"]: variable["value"] for variable in CONTAINER["env"]}


def image():
    return (DEPLOY / "Containerfile").read_text()


def test_it_is_what_it_should_be_and_all_parts_mean_the_same_pods():
    assert [part["kind"] for part in (DEPLOYMENT, SERVICE, BUDGET)] == ["Deployment", "Service", "PodDisruptionBudget"]
    assert [part["apiVersion"] for part in (DEPLOYMENT, SERVICE, BUDGET)] == ["apps/v1", "v1", "policy/v1"]
    labels = DEPLOYMENT["spec"]["template"]["metadata"]["labels"]
    assert labels == DEPLOYMENT["spec"]["selector"]["matchLabels"]
    assert labels == SERVICE["spec"]["selector"] == BUDGET["spec"]["selector"]["matchLabels"]
    assert labels == POD["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"]


def test_its_variables_are_settings_and_hold_no_secret():
    settings = {name for name in ENVIRONMENT if name != "CREDENTIALS_DIRECTORY"}
    assert {name.lower() for name in settings} <= set(NAMES) - set(IN_FILES)
    assert Settings(**{name.lower(): ENVIRONMENT[name] for name in settings}).log_format == "json"
    assert all(isinstance(value, str) for value in ENVIRONMENT.values()), "Kubernetes takes nothing else"


def test_what_the_secret_holds_is_read_as_settings(tmp_path):
    given = re.findall(r"--from-file=(\w+)", TEXT)
    assert {name.lower() for name in given} <= set(IN_FILES)
    (mount,) = (mount for mount in CONTAINER["volumeMounts"] if mount["name"] == "credentials")
    assert mount["mountPath"] == ENVIRONMENT["CREDENTIALS_DIRECTORY"]
    (volume,) = (volume for volume in POD["volumes"] if volume["name"] == "credentials")
    assert f"create secret generic {volume['secret']['secretName']} " in TEXT
    # As Kubernetes mounts it: links into a directory that changes as a whole.
    (tmp_path / "..data").mkdir()
    for name in given:
        (tmp_path / "..data" / name).write_text(f"{name} of mine\n")
        (tmp_path / name).symlink_to(Path("..data") / name)
    found = from_secret_files({"CREDENTIALS_DIRECTORY": str(tmp_path)}, IN_FILES)
    assert found == {name.lower(): f"{name} of mine" for name in given}


def test_its_user_is_that_of_the_image_and_may_read_the_secret_and_nothing_more():
    rights = POD["securityContext"]
    assert f"USER {rights['runAsUser']}:{rights['runAsGroup']}\n" in image()
    assert rights["runAsNonRoot"] is True
    assert rights["fsGroup"] == rights["runAsGroup"]
    assert POD["automountServiceAccountToken"] is False
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    (volume,) = (volume for volume in POD["volumes"] if volume["name"] == "credentials")
    assert volume["secret"]["defaultMode"] == 0o440
    assert CONTAINER["resources"]["limits"]["memory"]


def test_it_is_asked_where_it_answers():
    (port,) = CONTAINER["ports"]
    assert ENVIRONMENT["HTTP_LISTEN"] == f"0.0.0.0:{port['containerPort']}"
    assert f"EXPOSE {port['containerPort']}\n" in image()
    assert SERVICE["spec"]["ports"][0]["targetPort"] == port["name"]
    for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        assert CONTAINER[probe]["httpGet"] == {"path": path, "port": port["name"]}
    assert CONTAINER["readinessProbe"]["timeoutSeconds"] > 3, "a database that is away takes three seconds to show"
    for path in (webhook.PATH, slack.PATH):
        assert path in TEXT


def test_answers_under_way_have_their_time_and_nobody_goes_before_another_has_come():
    spec = DEPLOYMENT["spec"]
    assert spec["replicas"] > 1
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    assert BUDGET["spec"]["maxUnavailable"] == 1
    pause = int(CONTAINER["lifecycle"]["preStop"]["exec"]["command"][1])
    needed = pause + Settings().drain_seconds + CLOSE_SECONDS + GOODBYE_SECONDS
    assert POD["terminationGracePeriodSeconds"] > needed


@pytest.mark.parametrize(
    "text", ["a: 1\na: 2", "a:\n\t- b", "a: &b c", "a: {b: c}", "a:\n   b: c", "a: |\n  b", "a: b # c", "a\n"]
)
def test_what_the_reader_does_not_know_it_does_not_guess(text):
    with pytest.raises(ValueError):
        documents(text)


def test_the_reader_reads():
    text = 'a:\n  - b: "1"\n    c: 0440\n  - d\ne: ["x", y]\nf:\n  g: true\nh:\n---\n- 2'
    assert documents(text) == [
        {"a": [{"b": "1", "c": 0o440}, "d"], "e": ["x", "y"], "f": {"g": True}, "h": None},
        [2],
    ]
