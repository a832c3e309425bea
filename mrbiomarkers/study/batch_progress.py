"""Progress of many cases from that of each."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], bool]

STEPS = 100
"""Steps of one case."""


class BatchProgress:
    """Progress over all cases; it never goes back, and remembers that it was cancelled.

    Parameters
    ----------
    show : callable or None
        ``show(done, total)``; False cancels.
    n_cases : int
        Number of cases.

    Attributes
    ----------
    stopped : bool
        Whether it was cancelled.
    error : Exception or None
        What ``show`` raised, which cancels too: it is not the fault of the case that is running.
    """

    def __init__(self, show: Progress | None, n_cases: int) -> None:
        self._show, self._total, self._last = show, n_cases * STEPS, 0
        self.stopped = False
        self.error: Exception | None = None

    def __call__(self, done: int) -> bool:
        """Show how many steps are done; return whether to go on."""
        self._last = max(self._last, min(done, self._total))
        if self._show is not None and not self.stopped:
            try:
                self.stopped = self._show(self._last, self._total) is False
            except Exception as error:
                self.error, self.stopped = error, True
        return not self.stopped

    def of_case(self, number: int) -> Progress:
        """Return the progress of one case; its last step is left for putting its folder in place."""

        def show(done: int, total: int) -> bool:
            share = min(max(done / total, 0.0), 1.0) if total > 0 else 0.0
            return self(number * STEPS + int(share * (STEPS - 1)))

        return show
