"""Workflows that survive crashes, reboots and weeks of waiting, kept in plain files."""
