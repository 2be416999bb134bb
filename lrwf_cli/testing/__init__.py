"""Workflows played in virtual time: for those who test theirs, and for our own tests.

`simulate` plays a whole run: three days take less than a second. `VirtualClock` and `play` are the time that it does so
with, for whatever else waits in an event loop.
"""

from lrwf_cli.testing.agenda import Agenda, Entry
from lrwf_cli.testing.clock import VirtualClock, play
from lrwf_cli.testing.scenario import Play, Reply, Scenario
from lrwf_cli.testing.simulation import Simulation, simulate

__all__ = ["Agenda", "Entry", "Play", "Reply", "Scenario", "Simulation", "VirtualClock", "play", "simulate"]
