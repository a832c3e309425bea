"""1,130 radiomic features of brain1 and lung1 beside PyRadiomics and pictologics, in the same run.

Run with ``python3 dev.py bench radiomics_speed``; it needs the shared data. The peers are measured where their
environments are; ``.venv/bin/python Testing/benchmarks/radiomics_speed.py --install`` makes these in the user's cache,
apart from that of the project: PyRadiomics 3.0.1 is built from source (Python 3.11, a C compiler, a network),
pictologics comes as a wheel (Python 3.12). It needs a Unix system.

Every tool runs in processes of its own, one thread, the tools by turns; the images are read before the clock starts.
CPU seconds are those of the process, all threads together. pictologics has its own names and definitions (directions
merged, 32 bins here): its time is beside ours, its values are not compared.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "radiomics"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "mrbiomarkers", "benchmarks")
BARS = {"brain1": 0.30, "lung1": 0.50}  # CPU seconds, ours
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "ITK_THREADS")
PEERS = {  # version of Python, what is installed first, then the tool
    "pyradiomics": (
        "3.11",
        ["numpy", "setuptools<81", "wheel"],
        ["--no-build-isolation", "--no-cache-dir", "--no-binary", "pyradiomics", "pyradiomics==3.0.1"],
    ),
    "pictologics": ("3.12", [], ["pictologics==0.9.0"]),
}
COMMON = """
import json, os, resource, sys, time
name, folder, times, case = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
paths = [f"{folder}/pyradiomics_images/{name}_{kind}.nrrd" for kind in ("image", "label")]
def itk():
    import SimpleITK as sitk
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(int(os.environ["ITK_THREADS"]))
    return [sitk.ReadImage(path) for path in paths]
def report(run):
    cpu, wall = [], []
    for _ in range(times):
        before = time.process_time(), time.perf_counter()
        values = run()
        cpu.append(time.process_time() - before[0])
        wall.append(time.perf_counter() - before[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpu": cpu, "wall": wall, "peak": peak, "values": values}))
"""
SCRIPTS = {
    "ours": """
from mrbiomarkers.radiomics import extract
from mrbiomarkers.settings import RadiomicsSettings
cases = {"default": {}, "shin": {"normalize": True, "normalize_scale": 100, "bin_width": 3, "spacing": (1, 1, 1)}}
settings = RadiomicsSettings(filters=("original", "wavelet", "log"), log_sigma=(1, 3, 5), **cases[case])
image, mask = itk()
report(lambda: dict(extract(image, mask, settings)))
""",
    "pyradiomics": """
import logging
from radiomics import featureextractor, setVerbosity
setVerbosity(logging.CRITICAL)
shin = {"normalize": True, "normalizeScale": 100, "binWidth": 3, "resampledPixelSpacing": [1, 1, 1]}
cases = {"default": {}, "shin": shin}
extractor = featureextractor.RadiomicsFeatureExtractor(additionalInfo=False, **cases[case])
extractor.enableImageTypes(Original={}, Wavelet={}, LoG={"sigma": [1.0, 3.0, 5.0]})
image, mask = itk()
report(lambda: {name: float(value) for name, value in extractor.execute(image, mask).items()})
""",
    "pictologics": """
from pictologics import RadiomicsPipeline, load_image
pipeline, names = RadiomicsPipeline(), []
def add(name, filtered):
    families = ["intensity", "texture", "histogram"] + ([] if filtered else ["morphology"])
    steps = [{"step": "discretise", "params": {"method": "FBN", "n_bins": 32}}]
    steps.append({"step": "extract_features", "params": {"families": families}})
    pipeline.add_config(name, filtered + steps)
    names.append(name)
add("original", [])
for band in ("LLL", "LLH", "LHL", "LHH", "HLL", "HLH", "HHL", "HHH"):
    params = {"type": "wavelet", "wavelet": "coif1", "level": 1, "decomposition": band}
    add(band, [{"step": "filter", "params": params}])
for sigma in (1.0, 3.0, 5.0):
    add(f"log {sigma}", [{"step": "filter", "params": {"type": "log", "sigma_mm": sigma}}])
image, mask = (load_image(path) for path in paths)
found = lambda: pipeline.run(image=image, mask=mask, config_names=names)
found()  # compiles
report(lambda: {f"{name} {key}": 0.0 for name, part in found().items() for key in part.index})
""",
}


def find_python(version):
    """Return an interpreter of this version, or None."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    known = [sys.executable, shutil.which(f"python{version}"), *map(str, pyenv.glob(f"{version}*/bin/python"))]
    question = "import sys; print('%d.%d' % sys.version_info[:2])"
    for path in filter(None, known):
        answer = subprocess.run([path, "-c", question], capture_output=True, text=True, check=False)
        if answer.stdout.strip() == version:
            return path
    return None


def python_of(name):
    """Return the interpreter of a tool, None where its environment is not whole."""
    if name == "ours":
        return sys.executable
    python = CACHE / name / "bin/python"
    return str(python) if (CACHE / name / "installed").exists() else None


def install(name):
    """Make the environment of a peer."""
    version, first, then = PEERS[name]
    base = find_python(version)
    if base is None:
        print(f"{name}: not installed, Python {version} was not found")
        return
    folder = CACHE / name
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([base, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin/python")
    for packages in filter(None, (first, then)):
        status = subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=False).returncode
        if status:
            print(f"{name}: not installed, pip ended with status {status}")
            return
    (folder / "installed").touch()


def measured(tool, image, times, threads=1, case="default"):
    """Run a tool in a process of its own and return what it reports."""
    environment = {
        **os.environ,
        **dict.fromkeys(THREADS, str(threads)),
        "PYTHONPATH": str(ROOT) if tool == "ours" else "",
    }
    command = [python_of(tool), "-W", "ignore", "-c", COMMON + SCRIPTS[tool], image, str(DATA), str(times), case]
    answer = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=CACHE.parent, check=False)
    if answer.returncode:
        raise SystemExit(f"{tool} failed: {answer.stderr.strip().splitlines()[-1]}")
    return json.loads(answer.stdout.strip().splitlines()[-1])


def largest_difference(found, expected):
    """Return the largest relative difference of any feature, and its name."""
    if list(found) != list(expected):
        raise SystemExit("the features have other names or another order")
    apart = {name: abs(found[name] - value) / (abs(value) or 1) for name, value in expected.items()}
    worst = max(apart, key=apart.get)
    return apart[worst], worst


def compare_tools(tools, rounds):
    print(
        "image | tool | features | CPU s: best, median of rounds, first | peak MB | ratio, tool : ours | "
        "largest relative difference to ours"
    )
    for image, bar in BARS.items():
        runs = {tool: [] for tool in tools}
        for _ in range(rounds):
            for tool in tools:
                runs[tool].append(measured(tool, image, 1 if tool == "pyradiomics" else 5))
        ours = min(min(run["cpu"]) for run in runs["ours"])
        for tool, found in runs.items():
            best = min(min(run["cpu"]) for run in found)
            middle = sorted(min(run["cpu"]) for run in found)[len(found) // 2]
            first = min(run["cpu"][0] for run in found)
            values, peak = found[0]["values"], max(run["peak"] for run in found)
            apart = ""
            if tool == "pyradiomics":
                apart = "{:.1e} ({})".format(*largest_difference(runs["ours"][0]["values"], values))
            print(
                f"{image} | {tool} | {len(values):,} | {best:.3f}, {middle:.3f}, {first:.3f} | {peak:.0f} | "
                f"{best / ours:.2f} | {apart}",
                flush=True,
            )
        print(f"{image}: ours {ours:.3f} CPU s, bar {bar:.2f}: {'met' if ours <= bar else 'MISSED'}", flush=True)
        expected = json.loads(
            (DATA / "pyradiomics_values" / f"{image}_default_bw25_owl135_v2.1.2.json").read_text("utf-8")
        )
        print("{}: ours and the stored values of PyRadiomics 2.1.2: {:.1e} ({})".format(
            image, *largest_difference(runs["ours"][0]["values"], expected)
        ))  # fmt: skip


def compare_threads(tools, rounds):
    print("image, settings | tool | one thread: s, CPU s | two threads: s, CPU s | two : one, s | the same digits")
    for image, case in (("brain1", "default"), ("brain1", "shin"), ("lung1", "default")):
        for tool in tools:
            runs = {1: [], 2: []}
            for _ in range(rounds):
                for threads in runs:
                    runs[threads].append(measured(tool, image, 1 if tool == "pyradiomics" else 5, threads, case))
            wall, cpu = (
                {n: min(min(run[key]) for run in found) for n, found in runs.items()} for key in ("wall", "cpu")
            )
            same = runs[1][0]["values"] == runs[2][0]["values"]
            print(
                f"{image}, {case} | {tool} | {wall[1]:.3f}, {cpu[1]:.3f} | {wall[2]:.3f}, {cpu[2]:.3f} | "
                f"{wall[2] / wall[1]:.2f} | {'yes' if same else 'no'}",
                flush=True,
            )


def main():
    parser = argparse.ArgumentParser(description="1,130 radiomic features beside PyRadiomics and pictologics")
    parser.add_argument("--install", action="store_true", help="make the environments of the peers in the user's cache")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each tool")
    options = parser.parse_args()
    if os.name != "posix":
        print("radiomics_speed: skipped, the peaks of memory cannot be measured on this system")
        return
    CACHE.mkdir(parents=True, exist_ok=True)
    for name in PEERS:
        if options.install and python_of(name) is None:
            install(name)
    if not DATA.is_dir():
        print(f"radiomics_speed: skipped, the images are not in {DATA}")
        return
    tools = ["ours", *(name for name in PEERS if python_of(name))]
    for name in PEERS:
        if name not in tools:
            print(f"{name}: not measured; {Path(__file__).name} --install makes its environment")
    compare_tools(tools, options.rounds)
    compare_threads([tool for tool in tools if tool != "pictologics"], options.rounds)


if __name__ == "__main__":
    main()
