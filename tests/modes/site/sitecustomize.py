"""Switches the modes on in a process that a test starts, before anything of it is imported."""  # noqa: INP001 - Python imports it by its plain name

from tests.modes.switch import switch_on

switch_on()
