"""Processes that measure case after case, each with one thread for linear algebra and filters."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mrbiomarkers
from mrbiomarkers.study.messages import receive, send

_LIBRARIES = ("OPENBLAS", "OMP", "MKL")
ONE_THREAD = {
    **{f"{name}_NUM_THREADS": "1" for name in _LIBRARIES},
    "VECLIB_MAXIMUM_THREADS": "1",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1",
}
_PROGRAM = "from mrbiomarkers.study.radiomics_worker import serve; serve()"
_PATIENCE = 0.2  # seconds between two looks at whether to go on
_LONGEST = 500


@dataclass(frozen=True)
class Finished:
    """What became of a task.

    Attributes
    ----------
    number : int
        Its place in the list of tasks.
    answer : Any
        What the process answered; None where it ended first.
    problem : str
        Why there is no answer.
    """

    number: int
    answer: Any = None
    problem: str = ""


def run_tasks(tasks: Sequence[Any], n_jobs: int, go_on: Callable[[], bool]) -> Generator[Finished, None, None]:
    """Have tasks done by processes of their own, and yield what becomes of each, in the order in which they finish.

    Processes are started anew, not forked, and do not load the program that calls: it may be a script without a guard,
    a notebook, or 3D Slicer. The number of threads is set before they load numpy. One that ends in the middle of a task
    fails this task only.

    Parameters
    ----------
    tasks : sequence
        What :func:`mrbiomarkers.study.radiomics_worker.serve` takes.
    n_jobs : int
        How many processes.
    go_on : callable
        Asked several times a second; False ends all processes.

    Raises
    ------
    OSError
        When the processes cannot be started.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(len(tasks)):
        waiting.put(number)
    finished: queue.SimpleQueue[Finished | Exception] = queue.SimpleQueue()
    workers = [_Worker() for _ in range(min(n_jobs, len(tasks)))]
    threads = [
        threading.Thread(target=_keep_busy, args=(worker, tasks, waiting, finished), daemon=True) for worker in workers
    ]
    try:
        for thread in threads:
            thread.start()
        left = len(tasks)
        while left:
            try:
                done = finished.get(timeout=_PATIENCE)
            except queue.Empty:
                if go_on():
                    continue
                return
            if isinstance(done, Exception):
                raise done
            left -= 1
            yield done
            if not go_on():
                return
    finally:
        for worker in workers:
            worker.end()
        for thread in threads:
            thread.join()


def python_program() -> str:
    """Return the Python that runs processes; inside 3D Slicer, that is not the running program."""
    own = Path(sys.executable)
    if "slicer" in sys.modules or not own.stem.lower().startswith("python"):
        found = shutil.which("PythonSlicer") or shutil.which("PythonSlicer", path=str(own.parent))
        if found:
            return found
    return sys.executable


def _keep_busy(
    worker: _Worker,
    tasks: Sequence[Any],
    waiting: queue.SimpleQueue[int],
    finished: queue.SimpleQueue[Finished | Exception],
) -> None:
    """Give a process task after task."""
    while not worker.is_over:
        try:
            worker.start()
        except OSError as error:
            finished.put(error)
            return
        try:
            number = waiting.get_nowait()
        except queue.Empty:
            worker.end()
            return
        try:
            finished.put(Finished(number, worker.ask(tasks[number])))
        except (EOFError, OSError, ValueError):  # of a pipe that is closed
            finished.put(Finished(number, problem=worker.last_words()))


class _Worker:
    """One process; it is started when it is needed, and again after it has died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  (closed in end)
        self._lock = threading.Lock()
        self.is_over = False

    def start(self) -> None:
        """Start the process where it is not running.

        Raises
        ------
        OSError
            When it cannot be started; the message has its last words.
        """
        if self._process is not None and self._process.poll() is None:
            return
        folder = str(Path(mrbiomarkers.__file__).parent.parent)
        paths = [folder, os.environ.get("PYTHONPATH", "")]
        # PYTHONSAFEPATH: a numpy.py in the working folder must not be taken for numpy.
        own = {**ONE_THREAD, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONSAFEPATH": "1"}
        with self._lock:
            if self.is_over:
                return
            self._close()
            self._process = subprocess.Popen(
                [python_program(), "-c", _PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                env={**os.environ, **own},
            )
        try:
            receive(self._process.stdout)  # type: ignore[arg-type]
        except EOFError:
            if not self.is_over:
                raise OSError(f"the process that measures could not be started: {self.last_words()}") from None

    def ask(self, task: Any) -> Any:
        """Return the answer to a task; EOFError or OSError where the process ends first."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise EOFError("the process is not running")
        send(process.stdin, task)
        return receive(process.stdout)

    def last_words(self) -> str:
        """Return how the process ended."""
        status = self._process.wait() if self._process is not None else 0
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        with contextlib.suppress(OSError, ValueError):
            self._said.seek(0)
            lines = self._said.read().decode(errors="replace").split("\n")
            last = next((line.strip() for line in reversed(lines) if line.strip()), "")
            how += f" ({last[:_LONGEST]})" if last else ""
        return f"the process that measured it ended with {how}; it may have run out of memory"

    def end(self) -> None:
        """End the process, whatever it is doing."""
        with self._lock:
            self.is_over = True
            if self._process is not None:
                self._process.kill()
            self._close()
            self._said.close()

    def _close(self) -> None:
        if self._process is None:
            return
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()
        self._process.wait()
