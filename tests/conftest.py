"""What every test gets unasked: a state directory of its own, and hypothesis without a stopwatch.

`HYPOTHESIS_PROFILE=deep` tries many more examples, other ones each time; by default the same few are tried.
"""

import os
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import HealthCheck, settings

from tests.modes import settings as modes
from tests.modes.switch import switch_on

BUSY = (HealthCheck.too_slow,)  # a busy machine is no reason to fail
settings.register_profile(
    "quick", deadline=None, database=None, derandomize=True, max_examples=60, suppress_health_check=BUSY
)
settings.register_profile("deep", deadline=None, database=None, max_examples=3000, suppress_health_check=BUSY)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

switch_on()

_numbers = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what is not meant for a mode that is on; each says why."""
    for marker, is_on in (("not_fresh", modes.IS_FRESH), ("not_twice", modes.IS_TWICE)):
        for item in items if is_on else ():
            if found := item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=found.args[0]))


@pytest.fixture(autouse=True)
def _own_state_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Take every LRWF_* out of the environment and point LRWF_STATE_DIR to a folder that does not exist yet."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("LRWF_")]:
            environment.delenv(name)
        state = tmp_path_factory.getbasetemp() / f"state-{next(_numbers)}"
        environment.setenv("LRWF_STATE_DIR", str(state))
        yield
