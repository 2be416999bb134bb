"""The version, in one place: packaging reads it here, and so do runs, without asking for metadata at each start."""

__all__ = ["VERSION"]

VERSION = "0.1.0"
