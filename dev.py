"""Run the demo, the tests, the checks and the benchmarks of MRBiomarkers.

    python3 dev.py demo [options]            measure a simulated patient, results in demo_output/
    python3 dev.py test [pytest options]     run every test
    python3 dev.py test --slicer-versions    run kernel and scene tests with the oldest versions 3D Slicer bundles
    python3 dev.py check                     style, types, layout of the code
    python3 dev.py bench [name ...]          run the benchmarks (all, or the named ones)

The first run makes a virtual environment in .venv/ and installs there what is needed; nothing else is changed.
Needs Python 3.10 or later and, for the first run, a network. Exit status 2: the set-up failed.
"""
# Standard library only. It must parse with Python 3.6, so that an older Python gets a sentence, not a SyntaxError.

import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

if os.name == "nt":
    import msvcrt
else:
    import fcntl

ROOT = Path(__file__).resolve().parent
BASE_PYTHON = getattr(sys, "_base_executable", sys.executable)  # not the one inside .venv, which may be made anew
OLDEST_PYTHON = (3, 10)
SLICER_PYTHON = "3.12"
SLICER_PINS = ["numpy==2.0.2", "scipy==1.13.1"]
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
NETWORK_SIGNS = re.compile(
    "NewConnectionError|ConnectTimeout|Read ?timed ?out|ReadTimeout|ProxyError|Connection refused|"
    "Network is unreachable|name resolution|getaddrinfo failed"
)


class SetupError(Exception):
    """The environment could not be made; the message is the one sentence a user reads."""


def main(arguments: list) -> int:
    """Run one command and return its exit status."""
    commands = {command.__name__: command for command in (demo, test, check, bench)}
    if not arguments or arguments[0] in ("-h", "--help") or arguments[1:2] in (["-h"], ["--help"]):
        print(__doc__.strip())
        return 0 if arguments else 2
    if arguments[0] not in commands:
        raise SetupError(f"dev.py has no command '{arguments[0]}': expected one of {', '.join(commands)}.")
    return commands[arguments[0]](arguments[1:])


def demo(options: list) -> int:
    """Measure a simulated patient; options are passed on."""
    return run(project_python(), "-m", "mrbiomarkers", "demo", "--out", "demo_output", "--overwrite", *options)


def test(options: list) -> int:
    """Run every test, or with --slicer-versions those without widgets with what Slicer bundles."""
    if "--slicer-versions" not in options:
        return run_tests(project_python(), options)
    options = [option for option in options if option != "--slicer-versions"]
    base = find_slicer_python()
    if base is None:
        say(f"No Python {SLICER_PYTHON} with venv was found: the tests with the versions Slicer bundles were not run.")
        return 0
    say(f"Kernel and scene tests with Python {SLICER_PYTHON}, {', '.join(SLICER_PINS)}")
    python = ready_python(ROOT / ".venv-slicer", base, [*SLICER_PINS, "--editable", ".[test]"])
    return run(python, "-m", "pytest", "Testing/kernels", "Testing/scene", *options)


def run_tests(python: str, options: list) -> int:
    """Run the tests that are named, else all: those of the panels in a process of their own.

    Two large C++ libraries are loaded there, Qt and VTK; nothing that goes wrong between them should touch the rest.
    """
    if any(Path(option.partition("::")[0]).exists() for option in options):
        return run(python, "-m", "pytest", *options)
    panels = "Testing/panels"
    statuses = [run(python, "-m", "pytest", *part, *options) for part in ([f"--ignore={panels}"], [panels])]
    none_chosen = 5  # of pytest; where options choose tests, one part may have none
    return max((status for status in statuses if status != none_chosen), key=abs, default=none_chosen)


def check(options: list) -> int:
    """Run all checks, also after one has failed."""
    if options:
        raise SetupError(f"dev.py check takes no options, got: {' '.join(options)}.")
    python = project_python()
    steps = {
        "ruff check": ["ruff", "check", "."],
        "ruff format": ["ruff", "format", "--check", "."],
        "mypy": ["mypy", "mrbiomarkers"],
        "layout": ["pytest", "-q", "Testing/layout"],
    }
    failed = []
    for name, arguments in steps.items():
        say(f"== {name}")
        if run(python, "-m", *arguments) != 0:
            failed.append(name)
    say(f"Failed: {', '.join(failed)}" if failed else "All checks passed.")
    return 1 if failed else 0


def bench(names: list) -> int:
    """Run benchmarks with one thread for linear algebra, so that times can be compared."""
    scripts = {path.stem: path for path in sorted((ROOT / "Testing" / "benchmarks").glob("*.py"))}
    wanted = [name[:-3] if name.endswith(".py") else name for name in names] or list(scripts)
    unknown = [name for name in wanted if name not in scripts]
    if unknown or not wanted:
        found = ", ".join(scripts) or "no scripts"
        raise SetupError(f"No such benchmark: {', '.join(unknown) or 'any'}; Testing/benchmarks holds {found}.")
    environment = {**ONE_THREAD, "PYTHONPATH": str(ROOT)}  # benchmarks use Testing.support
    statuses = [run(project_python(), str(scripts[name]), extra_environment=environment) for name in wanted]
    return 1 if any(statuses) else 0


def project_python() -> str:
    """Return the Python of .venv, made and filled if needed."""
    base = {"path": BASE_PYTHON, "version": platform.python_version()}
    return ready_python(ROOT / ".venv", base, ["--editable", ".[dev]"])


def find_slicer_python() -> "dict | None":
    """Return path and version of a Python 3.12 that runs and has venv, or None."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    commands = [[shutil.which(f"python{SLICER_PYTHON}")], [shutil.which("py"), f"-{SLICER_PYTHON}"], [BASE_PYTHON]]
    commands += [[str(path)] for path in sorted(versions.glob(f"{SLICER_PYTHON}*/bin/python"))]
    question = "import ensurepip, json, platform as p, sys, venv; "
    question += "print(json.dumps(dict(path=sys.executable, version=p.python_version())))"
    for command in commands:
        with contextlib.suppress(OSError, ValueError):
            answer = output_of([command[0] or "absent", *command[1:], "-c", question], stderr=subprocess.DEVNULL)
            base = json.loads(answer.stdout.decode())
            if base["version"].startswith(SLICER_PYTHON + "."):
                return base
    return None


def ready_python(folder: Path, base: dict, requirements: list) -> str:
    """Return the Python of the environment in ``folder``, which holds what is required.

    The stamp in the folder says what was installed. It is removed before an installation and written after it, so an
    interrupted one leaves none, and an environment without a stamp is made anew.
    """
    origin = {"python": [base["path"], base["version"]], "checkout": str(ROOT)}
    project = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    stamp = {**origin, "requirements": requirements, "project": project}
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if read_stamp(folder) == stamp and runs(python):
        return str(python)
    with lock(folder) as held:
        old = read_stamp(folder)
        if old != stamp or not runs(python):  # else another run has just finished
            if not (old.items() >= origin.items() and runs(python)):
                make_environment(folder, base)
            with contextlib.suppress(FileNotFoundError):
                (folder / "stamp.json").unlink()
            install(folder, python, requirements, held)
            (folder / "stamp.json").write_text(json.dumps(stamp), encoding="utf-8")
    return str(python)


def read_stamp(folder: Path) -> dict:
    """Return what the stamp says, or an empty dictionary where there is no whole one."""
    try:
        return dict(json.loads((folder / "stamp.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def runs(python: Path) -> bool:
    """Tell whether this interpreter starts."""
    try:
        return output_of([str(python), "-c", ""]).returncode == 0
    except OSError:
        return False


@contextlib.contextmanager
def lock(folder: Path) -> "object":
    """Let one run at a time change ``folder``; the system frees the lock when its holders end, however they end."""
    with Path(f"{folder}.lock").open("a") as file:
        if not locked(file):
            say(f"Another run is preparing {folder.name}; waiting for it ...")
            while not locked(file):
                time.sleep(0.5)
        yield file


def locked(file: "object") -> bool:
    """Try to take the lock and tell whether it was free."""
    try:
        if os.name == "nt":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def make_environment(folder: Path, base: dict) -> None:
    """Make an empty environment in place of whatever is there."""
    say(f"Making a virtual environment in {folder.name} ...")
    if output_of([base["path"], "-c", "import ensurepip, venv"]).returncode != 0:
        package = "python" + ".".join(base["version"].split(".")[:2]) + "-venv"
        raise SetupError(f"This Python cannot make virtual environments; on Debian or Ubuntu: apt install {package}")
    result = output_of([base["path"], "-m", "venv", "--clear", str(folder)])
    if result.returncode != 0:
        reason = result.stdout.decode(errors="replace").strip().rpartition("\n")[2]
        raise SetupError(f"The virtual environment in {folder.name} could not be made: {reason}")


def install(folder: Path, python: Path, requirements: list, held: "object") -> None:
    """Install the package and what it needs; what pip says goes to install.log."""
    say("Installing (this takes a minute the first time) ...")
    log = folder / "install.log"
    # A child that outlives this run keeps the lock, so that the next run waits for it.
    inherited = {} if os.name == "nt" else {"pass_fds": (held.fileno(),)}
    environment = {"PIP_RETRIES": "2", **os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_USER": "0"}
    pip = [str(python), "-m", "pip", "install", "--no-input", *requirements]
    with log.open("wb") as output:
        options = {"stdout": output, "stderr": subprocess.STDOUT, **inherited}
        status = subprocess.call(pip, cwd=str(ROOT), env=environment, **options)
    if status != 0:
        offline = NETWORK_SIGNS.search(log.read_text(encoding="utf-8", errors="replace"))
        reason = "The package index could not be reached (no network?)" if offline else "pip failed"
        raise SetupError(f"{reason}: see {folder.name}/{log.name}")


def run(python: str, *arguments: str, extra_environment: "dict | None" = None) -> int:
    """Run a command in the repository root, in view, and return its exit status."""
    return subprocess.call([python, *arguments], cwd=str(ROOT), env={**os.environ, **(extra_environment or {})})


def output_of(command: list, stderr: int = subprocess.STDOUT) -> "subprocess.CompletedProcess":
    """Run a command out of view; the result holds its exit status and what it printed."""
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr)


def say(text: str) -> None:
    """Print a line at once, so that it stands before what a child process prints."""
    print(text, flush=True)


if __name__ == "__main__":
    if sys.version_info < OLDEST_PYTHON:
        found = ".".join(str(number) for number in sys.version_info[:2])
        sys.stderr.write(f"dev.py needs Python 3.10 or later, this is Python {found}.\n")
        sys.exit(2)
    try:
        sys.exit(main(sys.argv[1:]))
    except (SetupError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped.\n")
        sys.exit(130)
