import contextlib
import ipaddress
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from distributed import Client

from l1demo import cluster, worker


@contextlib.contextmanager
def launched(monkeypatch: pytest.MonkeyPatch, stderr: Path) -> Iterator[tuple[psutil.Process, subprocess.Popen, str]]:
    popen = subprocess.Popen
    with stderr.open("wb") as file:
        monkeypatch.setattr(subprocess, "Popen", lambda *args, **more: popen(*args, stderr=file, **more))
        child, address = cluster.launch()
        monkeypatch.undo()
        try:
            yield psutil.Process(child.pid), child, address
        finally:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                pipe.close()


def family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def workers(client: Client) -> dict[str, str]:
    """The address of each worker by its name."""
    known = client.scheduler_info(n_workers=-1)["workers"]
    return {worker["name"]: address for address, worker in known.items()}


def test_workers_come_are_replaced_and_end_with_stdin(tmp_path, monkeypatch, wait_for) -> None:
    with launched(monkeypatch, tmp_path / "stderr") as (process, child, address):
        with Client(address, set_as_default=False) as client:
            known = wait_for(lambda: (w := workers(client)) and {"quick", "train-0"} <= set(w) and w)
            of_each = {address: psutil.Process(pid) for address, pid in client.run(os.getpid).items()}
            ours = psutil.Process().nice()
            assert of_each[known["quick"]].nice() == ours
            assert of_each[known["train-0"]].nice() == worker.NICENESS

            for each in family(process):
                with contextlib.suppress(psutil.NoSuchProcess):  # a helper that ended meanwhile
                    for connection in each.net_connections():
                        if connection.status == psutil.CONN_LISTEN:
                            assert ipaddress.ip_address(connection.laddr.ip).is_loopback

            of_each[known["quick"]].kill()
            wait_for(lambda: workers(client).get("quick", known["quick"]) != known["quick"])
        before = family(process)
        child.stdin.close()
        _gone, alive = psutil.wait_procs(before, timeout=5)
        assert not alive
    assert (tmp_path / "stderr").read_text() == ""


def test_nothing_is_left_of_a_killed_cluster(tmp_path, monkeypatch, wait_for) -> None:
    with launched(monkeypatch, tmp_path / "stderr") as (process, _child, _address):
        wait_for(lambda: len(family(process)) > 2)
        before = family(process)
        process.kill()
        _gone, alive = psutil.wait_procs(before[1:], timeout=5)
        assert not alive


def test_a_cluster_that_cannot_start_says_so(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
    with pytest.raises(OSError, match="missing"):
        cluster.launch()
