"""What systemd hears, over a real socket, and when the signs of life stop."""

import asyncio
import os
import socket

import pytest

from adapters.metrics import Metrics
from bridge.supervise import STALL_SECONDS, notify, status, watch, watchdog_seconds
from tests.clocks import StillClock


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    """A socket as systemd's; read what came with `heard`."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.bind(str(tmp_path / "notify"))
    listening.setblocking(False)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    yield listening
    listening.close()


def heard(listening):
    messages = []
    while True:
        try:
            messages.append(listening.recv(4096).decode())
        except BlockingIOError:
            return messages


def test_what_is_told_arrives_in_one_line(systemd):
    notify("READY=1")
    status("waiting for telegram:\n it does not answer " + "x" * 1000)
    ready, line = heard(systemd)
    assert ready == "READY=1"
    assert line.startswith("STATUS=waiting for telegram: it does not answer xxx")
    assert len(line) < 600


def test_an_abstract_socket_and_none_at_all(monkeypatch):
    name = f"coze-bridge-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name)
        listening.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name)
        notify("READY=1")
        assert heard(listening) == ["READY=1"]
    notify("READY=1")  # nobody listens any more: no error
    monkeypatch.delenv("NOTIFY_SOCKET")
    notify("READY=1")


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "10000000"}, 10.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": str(os.getpid())}, 10.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
        ({}, 0.0),
    ],
)
def test_whether_systemd_wants_signs_of_life_of_this_very_process(environ, seconds):
    assert watchdog_seconds(environ) == seconds


class Worker:
    """How long its loops have been silent, by the same clock; ends the watch after so many looks."""

    def __init__(self, clock, looks):
        self.clock, self.looks, self.last = clock, looks, None

    def silent(self):
        self.looks -= 1
        if not self.looks:
            raise asyncio.CancelledError
        return self.clock.monotonic() - self.last if self.last is not None else 0.0


async def watched(worker):
    metrics = Metrics()
    with pytest.raises(asyncio.CancelledError):
        await watch(worker.silent, clock=worker.clock, meter=metrics)
    return metrics.show({}, 0.0).decode()


async def test_signs_of_life_come_three_times_as_often_as_systemd_wants_them(systemd, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "9000000")
    await watched(Worker(StillClock(), looks=31))  # 30 looks, half a second each: 15 s
    assert heard(systemd) == ["WATCHDOG=1"] * 5  # a socket that nobody reads holds eleven at some kernels


async def test_a_worker_that_hangs_stops_them_and_one_that_goes_on_does_not(systemd, monkeypatch, caplog):
    monkeypatch.setenv("WATCHDOG_USEC", "27000000")
    worker = Worker(StillClock(), looks=1000)
    worker.last = worker.clock.monotonic()
    await watched(worker)
    assert len(heard(systemd)) == STALL_SECONDS / 9
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]


async def test_a_loop_that_is_late_is_measured():
    class Late(StillClock):
        async def sleep(self, seconds):
            await super().sleep(seconds)
            self.time += 3.0

    shown = await watched(Worker(Late(), looks=3))
    assert 'coze_bridge_event_loop_lag_seconds_bucket{le="2.5"} 0.0' in shown
    assert 'coze_bridge_event_loop_lag_seconds_bucket{le="5.0"} 3.0' in shown


async def test_nobody_who_wants_none_gets_any(systemd):
    await watched(Worker(StillClock(), looks=100))
    assert heard(systemd) == []
