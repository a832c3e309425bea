"""Progress of long work on the terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable


def terminal_progress(what: str) -> Callable[[int, int], bool]:
    """Return a ``progress(done, total) -> True`` that keeps one line of standard error up to date.

    Where standard error is not a terminal, one line is written when the work is done.
    """
    begin = time.monotonic()
    live = sys.stderr.isatty()
    ended = False

    def show(done: int, total: int) -> bool:
        nonlocal ended
        if ended:  # what comes after the last voxel is short
            return True
        seconds = time.monotonic() - begin
        if live:
            print(f"\r{what}: {done / total:4.0%} of {total:,} in {seconds:.1f} s", end="", file=sys.stderr, flush=True)
        if done == total:
            ended = True
            print("" if live else f"{what}: {total:,} in {seconds:.1f} s", file=sys.stderr, flush=True)
        return True

    return show
