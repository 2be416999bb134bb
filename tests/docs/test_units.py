"""The unit files that the documents show: systemd itself finds nothing to complain about in them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.program import ROOT

TICKING = ROOT / "docs" / "ticking.md"
UNITS = dict(re.findall(r"^<!-- unit: (\S+) -->\n\n```ini\n(.*?)^```$", TICKING.read_text(), re.MULTILINE | re.DOTALL))
PROGRAM = "%h/.venv/bin/lrwf"


def test_every_unit_is_named() -> None:
    """A unit without a name above it would be verified by nobody."""
    assert sorted(UNITS) == ["lrwf-tick.service", "lrwf-tick.timer", "lrwf.service"]
    assert TICKING.read_text().count("```ini") == len(UNITS)


def test_units_leave_it_to_lrwf_to_end_what_it_has_started() -> None:
    """Commands outlive the process that drives their run, so both services say `KillMode=process`."""
    assert all("\nKillMode=process\n" in text for name, text in UNITS.items() if name.endswith(".service"))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_accepts_them(tmp_path: Path) -> None:
    """`systemd-analyze verify` is silent: no unknown key or value, and every program that is started exists."""
    program = Path(sys.executable).with_name("lrwf")
    for name, text in UNITS.items():
        assert PROGRAM in text or name.endswith(".timer")
        (tmp_path / name).write_text(text.replace(PROGRAM, str(program)))
    done = subprocess.run(
        ["systemd-analyze", "--user", "--man=no", "verify", *sorted(map(str, tmp_path.iterdir()))],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, [line for line in done.stderr.splitlines() if str(tmp_path) in line]) == (0, [])
