"""Ticks by a real cron and a real systemd, in namespaces of their own; they take minutes, and root.

Cron has its own crontab and `/run` in a mount namespace. systemd is process 1 of a pid namespace, below a cgroup of its
own, and knows the units that the documents show, with the state directory of the test, and nothing else.
"""

import os
import pwd
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from textwrap import dedent

import pytest

from tests.cli.processes import PROGRAM
from tests.cli.said import Lrwf
from tests.docs.test_units import PROGRAM as SHOWN
from tests.docs.test_units import UNITS
from tests.executors.commands.commanding import until

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="namespaces take root"),
]

NIGHT = """
    name: night
    input: {}
    executors:
      begin: {run: "echo begin >>notes"}
      knock:
        run: "echo knock $LRWF_ATTEMPT >>notes; test $LRWF_ATTEMPT = 3 || exit 75"
        retry: {max_attempts: 3, initial: 70s, max: 70s, jitter: 0}
      ready:
        poll: {run: "test -e ready && echo ready >>notes", until: "exit_code == 0", initial: 50s, max: 50s, jitter: 0}
      cool_off: {wait: {for: 100s}}
      cooled: {run: "echo cooled >>notes"}
      long: {run: "echo long begins >>notes; sleep 70; echo long ends >>notes"}
      approve:
        ask: {prompt: "Ship it?", choices: [ship, stop], expires: 1h}
      ship: {run: "echo shipped >>notes"}
    edges:
      - {from: begin, to: [knock, ready, cool_off, long, approve]}
      - {from: cool_off, to: cooled}
      - {from: [knock, ready, cooled, long, approve], to: ship}
    """
NAP = """
    name: nap
    input: {seconds: {type: integer, required: true}}
    executors:
      nap: {wait: {for: "${{ input.seconds }}s"}}
      woke: {run: "echo $LRWF_RUN_ID woke >>notes"}
    edges:
      - {from: nap, to: woke}
    """
NAPS = (30, 60, 170, 200)
COMMAND = """
    name: command
    input: {}
    executors:
      work: {run: "echo $LRWF_RUN_ID >>notes; while [ ! -e go-$LRWF_RUN_ID ]; do sleep 0.1; done"}
    """
CRON = """
    mount --make-rprivate /
    mount --bind {0}/crontabs /var/spool/cron/crontabs
    mount --bind {0}/cron.d /etc/cron.d
    mount --bind {0}/crontab /etc/crontab
    mount -t tmpfs tmpfs /run
    exec cron -f
    """
SYSTEMD = """
    mount --make-rprivate /
    umount -l /sys/fs/cgroup
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    mount -t tmpfs -o mode=755 tmpfs /run
    export container=lab SYSTEMD_UNIT_PATH={0} PATH=/usr/sbin:/usr/bin:/sbin:/bin
    exec /lib/systemd/systemd --system --unit=lab.target --log-target=null --show-status=no
    """
ALONE = "--fork --pid --mount --mount-proc --cgroup --ipc --uts"


def notes() -> Counter[str]:
    return Counter(Path("notes").read_text().splitlines()) if Path("notes").exists() else Counter()


def status(lrwf: Lrwf, run_id: str) -> str:
    return str(lrwf("status", run_id, "--json").json["status"])


def leave_due(lrwf: Lrwf, flow: str, run_id: str) -> None:
    """Leave a run that is due, and of which nothing has happened yet."""
    assert lrwf("run", flow, "-q", "--id", run_id, "--timeout", "10ms").code == 124
    Path("notes").unlink(missing_ok=True)


@contextmanager
def cron(folder: Path) -> Iterator[None]:
    """A cron that has one line, the one of the documents."""
    for name in ("crontabs", "cron.d"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "crontab").touch()
    line = f'LRWF_STATE_DIR={os.environ["LRWF_STATE_DIR"]}\nMAILTO=""\n* * * * * {PROGRAM} tick\n'
    table = folder / "crontabs" / pwd.getpwuid(os.geteuid()).pw_name
    table.write_text(line)
    table.chmod(0o600)
    daemon = subprocess.Popen(["unshare", "-m", "sh", "-ec", dedent(CRON).format(folder)])
    try:
        yield
    finally:
        daemon.terminate()
        daemon.wait()


@pytest.mark.skipif(shutil.which("cron") is None, reason="cron is not installed")
def test_a_real_cron_loses_nothing_and_does_nothing_twice(lrwf: Lrwf, flows: Path, tmp_path: Path) -> None:
    """Conformance 29, 33, 46: a tick of over a minute, others beside it, minutes without cron: all of it once."""
    Path("night.yaml").write_text(dedent(NIGHT))
    Path("nap.yaml").write_text(dedent(NAP))
    leave_due(lrwf, "night.yaml", "night")
    for seconds in NAPS:
        assert lrwf("run", "nap.yaml", "-q", "--id", f"nap-{seconds}", "--input", f"seconds={seconds}").code == 0
    last_due_at = time.monotonic() + max(NAPS)
    with cron(tmp_path):
        until(lambda: notes()["long begins"], 75)
        Path("ready").touch()
        assert lrwf("respond", "night", "approve", "ship", "--no-advance", "-q").code == 0
        until(lambda: notes()["nap-60 woke"], 75)
        assert not notes()["long ends"]
        until(lambda: notes()["long ends"] and not lrwf("status", "night", "--json").json["driven"], 90)
    before = notes()
    until(lambda: time.monotonic() > last_due_at + 1, 200)
    assert notes() == before
    with cron(tmp_path):
        until(lambda: all(status(lrwf, name) == "completed" for name in ("night", *(f"nap-{s}" for s in NAPS))), 150)
    expected = ["begin", "knock 1", "knock 2", "knock 3", "ready", "cooled", "long begins", "long ends", "shipped"]
    assert notes() == Counter([*expected, *(f"nap-{seconds} woke" for seconds in NAPS)])


def cgroups() -> Path | None:
    """Where the unified hierarchy is mounted."""
    found = re.search(r"^\S+ (\S+) cgroup2 ", Path("/proc/mounts").read_text(), re.MULTILINE)
    return Path(found[1]) if found else None


@contextmanager
def systemd(units: Path) -> Iterator[Callable[..., int]]:
    """A systemd with `units`; yields `systemctl`, which returns its exit code."""
    root = cgroups()
    assert root is not None
    group = root / f"lrwf-{os.getpid()}"
    group.mkdir()
    alone = f"unshare {ALONE} sh -ec '{dedent(SYSTEMD).format(units)}'"
    outer = subprocess.Popen(["sh", "-ec", f"echo $$ >{group}/cgroup.procs; exec {alone}"])
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")

    def systemctl(*arguments: str) -> int:
        inside = ["nsenter", "-t", children.read_text().strip(), "-m", "-p", "-C", "-i", "-u", "systemctl"]
        return subprocess.run([*inside, *arguments], capture_output=True, check=False).returncode

    try:
        until(lambda: children.read_text() and systemctl("is-active", "lab.target") == 0)
        yield systemctl
    finally:
        with suppress(OSError, ValueError):
            os.kill(int(children.read_text()), signal.SIGKILL)  # all of its namespace goes with it
        outer.wait()
        until(lambda: all(not each.read_text() for each in group.rglob("cgroup.procs")))
        for each in sorted(group.rglob("*/"), reverse=True):
            each.rmdir()
        group.rmdir()


def write_units(folder: Path, names: Sequence[str]) -> None:
    """Write the units of the documents for this test; `lrwf-tick` ticks every three seconds."""
    folder.mkdir()
    (folder / "lab.target").write_text(f"[Unit]\nDefaultDependencies=no\nWants={' '.join(names)}\n")
    setting = f"[Service]\nEnvironment=LRWF_STATE_DIR={os.environ['LRWF_STATE_DIR']}\n"
    for name, shown in UNITS.items():
        text = shown.replace(SHOWN, PROGRAM).replace("minutely", "*:*:0/3").replace("[Service]\n", setting)
        (folder / name).write_text(text.replace("[Unit]\n", "[Unit]\nDefaultDependencies=no\n"))


@pytest.mark.skipif(shutil.which("systemd-run") is None or cgroups() is None, reason="systemd is not installed")
@pytest.mark.parametrize(
    ("unit", "wanted", "kill_mode", "times"),
    [
        ("lrwf-tick.service", "lrwf-tick.timer", "process", 1),
        ("lrwf-tick.service", "lrwf-tick.timer", "control-group", 2),
        ("lrwf.service", "lrwf.service", "process", 1),
        ("lrwf.service", "lrwf.service", "control-group", 2),
    ],
)
def test_a_real_systemd(
    lrwf: Lrwf, flows: Path, tmp_path: Path, unit: str, wanted: str, kill_mode: str, times: int
) -> None:
    """Conformance 42, 57: its main process is killed, it is stopped, the machine goes down: nobody is blamed for it."""
    Path("command.yaml").write_text(dedent(COMMAND))
    write_units(tmp_path / "units", [wanted])
    service = tmp_path / "units" / unit
    service.write_text(service.read_text().replace("KillMode=process", f"KillMode={kill_mode}"))
    with systemd(tmp_path / "units") as systemctl:
        leave_due(lrwf, "command.yaml", "killed")
        until(lambda: notes()["killed"])
        assert systemctl("kill", "--kill-who=main", "-s", "KILL", unit) == 0
        until(lambda: notes()["killed"] == times and lrwf("status", "killed", "--json").json["driven"])
        Path("go-killed").touch()
        until(lambda: status(lrwf, "killed") == "completed")
        assert notes()["killed"] == times
        leave_due(lrwf, "command.yaml", "down")
        until(lambda: notes()["down"])
        systemctl("exit", "--force")
        until(lambda: lrwf("status", "down", "--json").json["driven"] is False)
    Path("go-down").touch()
    assert lrwf("tick").code == 0
    assert (status(lrwf, "down"), notes()["down"]) == ("completed", 2)
    assert "the process died" not in lrwf("history", "down").out
