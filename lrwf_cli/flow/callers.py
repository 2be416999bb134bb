"""Where a call stands in the author's code, for what is built in Python: it has no lines of a flow file to point at."""

import sys
from itertools import islice

from lrwf_cli.flow.problems import Mark

__all__ = ["caller"]


def caller(file: str) -> tuple[str, Mark]:
    """Return the file and the line of the innermost call that does not stand in `file`, nor here."""
    frame = sys._getframe(1)  # noqa: SLF001 - the only way to know where a call stands
    while frame.f_code.co_filename == file and frame.f_back is not None:
        frame = frame.f_back
    position = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None))
    return frame.f_code.co_filename, Mark(frame.f_lineno, (position[2] or 0) + 1)
