import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest


@pytest.fixture(autouse=True)
def _in_utc() -> Iterator[None]:
    """The machine's zone is UTC: a flow without one of its own looks the same everywhere."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def flow(tmp_path: Path) -> Callable[..., str]:
    """Writes a flow file and its modules, and returns the path of the flow."""

    def write(text: str, **modules: str) -> str:
        for name, source in modules.items():
            (tmp_path / f"{name}.py").write_text(dedent(source).lstrip(), encoding="utf-8")
        path = tmp_path / "flow.yaml"
        path.write_text(dedent(text).lstrip(), encoding="utf-8")
        return str(path)

    return write
