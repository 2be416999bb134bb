"""What the memory store has besides the contract."""

import pytest

from lrwf_cli.errors import StateDirectoryError
from lrwf_cli.store.memory import MemoryStore
from tests.store.store_builders import HOUR, NOW, append, new_run, step


def test_a_restart_is_the_end_of_all_drivers() -> None:
    """Tests play a crash with it: nobody holds a run any more, what was committed stays, what was held is due."""
    store = MemoryStore()
    driven, waiting = store.create(new_run("driven")), store.create(new_run("waiting"))
    append(driven, step(0))
    waiting.wake_at(NOW + HOUR)
    store.restart()
    assert not store.is_busy("driven")
    assert [each.run_id for each in store.due(NOW)] == ["driven"]
    with pytest.raises(StateDirectoryError):
        driven.append(step(1), NOW)
    driven.release()
    again = store.hold("driven")
    assert again.run.seq == 2
    driven.release()
    assert store.is_busy("driven")
