"""``mrbiomarkers plan-bvalues``: which b-values to measure, and how often each."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mrbiomarkers import __version__
from mrbiomarkers.checks import check_choice
from mrbiomarkers.diffusion.models import MODELS
from mrbiomarkers.diffusion.planning import TISSUES, BValuePlan, BValueSet, plan_bvalues
from mrbiomarkers.files import check_output, prepare_output, write_json, write_text
from mrbiomarkers.maps import reported_value
from mrbiomarkers.quantities import quantity
from mrbiomarkers.report import plan_figure, save_figure

# Study b_all, one image each.
_COMPARISON = ("0", "10", "25", "50", "100", "200", "400", "600", "800", "1000", "1200")
_NOT_MEASURABLE = 1 / 3  # above this the Cramer-Rao bound says little about real fits

EXAMPLE = """\
examples:
  mrbiomarkers plan-bvalues --tissue marrow --snr 50 --images 33 --b-max 1200 --out plan
  mrbiomarkers plan-bvalues --tissue marrow myeloma --parameters f D --snr 50 --scan-time 5 --time-per-image 8
  mrbiomarkers plan-bvalues --values f=0.2 D=0.9 Dstar=25 --snr 40 --images 29 --b-max 1500 --at-least 0=2
      --compare 0x2 20x2 50x2 100 150 200 400x2 800x4 1200x6 1500x8

An image is one average of one b-value in one direction. All images are taken to last equally long and to have the same
echo time and noise; a higher --b-max lengthens the echo time, which lowers --snr. Diffusion coefficients are given in
10^-3 mm2/s. The prediction is the Cramer-Rao bound: what an unbiased fit of this model reaches at best.
--out receives plan.png, bvalues.csv, precision.csv and plan.json.
"""


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "plan-bvalues",
        help="b-values and averages that measure a tissue best in a given scan time",
        description="Propose b-values and averages that measure the parameters of a tissue best with a given number of "
        "images, and compare them with another set.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", default="ivim", choices=tuple(MODELS), help="default: ivim")
    tissue = parser.add_mutually_exclusive_group()
    names = sorted({name for known in TISSUES.values() for name in known})
    tissue.add_argument("--tissue", nargs="+", metavar="NAME", help=f"any of {', '.join(names)}; default: marrow")
    tissue.add_argument(
        "--values", nargs="+", metavar="NAME=VALUE", help="parameters by hand, D, D* and the like in 10^-3 mm2/s"
    )
    parser.add_argument("--snr", type=float, required=True, help="signal-to-noise ratio of one image at b = 0")
    time = parser.add_mutually_exclusive_group(required=True)
    time.add_argument("--images", type=int, metavar="N", help="number of images, averages included")
    time.add_argument("--scan-time", type=float, metavar="MIN", help="minutes, with --time-per-image")
    parser.add_argument("--time-per-image", type=float, metavar="SEC", help="seconds that one image takes")
    parser.add_argument("--b-max", type=float, default=1200.0, metavar="B", help="largest b-value in s/mm2 (1200)")
    parser.add_argument("--at-least", nargs="+", default=[], metavar="B=N", help="at least N images at b-value B")
    parser.add_argument(
        "--parameters",
        nargs="+",
        metavar="NAME[=WEIGHT]",
        help="what to measure well, with a weight of its squared relative error; default: all, weight 1",
    )
    parser.add_argument(
        "--over", default="mean", choices=("mean", "worst"), help="several tissues: their mean (default) or the worst"
    )
    parser.add_argument(
        "--compare",
        nargs="+",
        default=list(_COMPARISON),
        metavar="B[xN]",
        help=f"b-values, with averages where not 1, to compare with; default: {' '.join(_COMPARISON)}",
    )
    parser.add_argument("--out", metavar="DIR", help="folder for figure and tables; default: print only")
    parser.add_argument("--overwrite", action="store_true", help="replace results in a folder that is not empty")
    parser.set_defaults(run=run, command="plan-bvalues")


def run(options: argparse.Namespace) -> None:
    """Run the command; nothing is written before the plan is made."""
    if options.out is not None:
        check_output(options.out, overwrite=options.overwrite)
    compared = [_pair("--compare", word, "x", "1") for word in options.compare]
    wanted = None
    if options.parameters is not None:
        wanted = _unique("--parameters", [_named("--parameters", word, "1") for word in options.parameters])
    minimum: dict[float, Any] = _unique("--at-least", [_pair("--at-least", w, "=", None) for w in options.at_least])
    plan = plan_bvalues(
        options.model,
        _tissues(options),
        snr=options.snr,
        n_images=_images(options),
        b_max=options.b_max,
        weights=wanted,
        over=options.over,
        minimum=minimum,
        compare=[b for b, _ in compared],
        compare_averages=[count for _, count in compared],
    )
    _say(plan)
    if options.out is not None:
        out = prepare_output(options.out, overwrite=options.overwrite)
        write_results(out, plan)
        print(f"results in {out.resolve()}")


def write_results(out: Path, plan: BValuePlan) -> None:
    """Write the figure, two tables and the settings of a plan into the folder ``out``."""
    sets = {"proposal": plan.proposal, "comparison": plan.comparison}
    lines = ["set,bvalue [s/mm2],images"]
    for name, given in sets.items():
        if given is not None:
            lines += [f"{name},{b:g},{n:.6g}" for b, n in zip(given.bvalues, given.averages, strict=True)]
    write_text(out / "bvalues.csv", "\n".join(lines) + "\n")
    lines = ["tissue,quantity,unit,value,optimised,cv_proposal [%],cv_comparison [%]"]
    for tissue, values in plan.proposal.relative.items():
        for key, cv in values.items():
            other = "" if plan.comparison is None else f"{100 * plan.comparison.relative[tissue][key]:.6g}"
            value = reported_value(key, plan.tissues[tissue][key])
            row = (tissue, key, quantity(key).reported_unit, f"{value:.6g}", "yes" if key in plan.weights else "no")
            lines.append(",".join((*row, f"{100 * cv:.6g}", other)))
    write_text(out / "precision.csv", "\n".join(lines) + "\n")
    write_json(out / "plan.json", _record(plan))
    save_figure(plan_figure(plan), out / "plan.png")


def _record(plan: BValuePlan) -> dict[str, Any]:
    """Return everything that made the plan, and the plan, for the JSON file."""

    def listed(given: BValueSet) -> dict[str, Any]:
        return {"bvalues": given.bvalues.tolist(), "images": given.averages.tolist(), "criterion": given.criterion}

    return {
        "software": f"MRBiomarkers {__version__}",
        "model": plan.model,
        "tissues, kernel units (mm2/s)": plan.tissues,
        "snr of one image at b = 0": plan.snr,
        "criterion": "sum of weight * (Cramer-Rao bound / parameter)^2",
        "weights": plan.weights,
        "over tissues": plan.over,
        "proposal": listed(plan.proposal),
        "comparison, scaled to as many images": None if plan.comparison is None else listed(plan.comparison),
        "lower limit of the criterion": plan.lower_limit,
    }


def _number(option: str, word: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{option}: expected a number, got {text!r} in {word!r}") from None


def _pair(option: str, word: str, sign: str, default: str | None) -> tuple[float, float]:
    """Return the numbers before and after ``sign``; without the sign the second is the default."""
    first, found, second = word.partition(sign)
    if not found and default is None:
        raise ValueError(f"{option}: expected B{sign}N, got {word!r}")
    return _number(option, word, first), _number(option, word, second if found else str(default))


def _named(option: str, word: str, default: str | None) -> tuple[str, float]:
    """Return the name before the equals sign and the number after it."""
    name, found, value = word.partition("=")
    if not found and default is None:
        raise ValueError(f"{option}: expected NAME=VALUE, got {word!r}")
    return name, _number(option, word, value if found else str(default))


def _unique(option: str, pairs: Sequence[tuple[Any, float]]) -> dict[Any, float]:
    """Return the pairs as a dictionary; a name that comes twice is an error."""
    for n, (name, _) in enumerate(pairs):
        if any(name == other for other, _ in pairs[:n]):
            raise ValueError(f"{option}: expected every name once, got {name} twice")
    return dict(pairs)


def _tissues(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Return the tissues of the command line in kernel units."""
    if options.values is None:
        presets = TISSUES.get(options.model, {})
        if not presets:
            raise ValueError(f"--tissue: there is no preset for the model {options.model}; give --values")
        names = options.tissue or ["marrow" if "marrow" in presets else next(iter(presets))]
        return {check_choice(f"--tissue for {options.model}", name, presets): dict(presets[name]) for name in names}
    given = _unique("--values", [_named("--values", word, None) for word in options.values])
    expected = MODELS[options.model].parameters[1:]
    if set(given) != set(expected):
        raise ValueError(
            f"--values for {options.model}: expected {', '.join(expected)}, each once; got {', '.join(given)}"
        )
    return {"by hand": {key: value / quantity(key).scale for key, value in given.items()}}


def _images(options: argparse.Namespace) -> int:
    """Return the number of images that fit into the scan time."""
    if options.scan_time is None:
        if options.time_per_image is not None:
            raise ValueError("--time-per-image: expected with --scan-time only, got it with --images")
        return int(options.images)
    if options.time_per_image is None:
        raise ValueError("--scan-time: expected --time-per-image with it, got none")
    for name, value in (("--scan-time", options.scan_time), ("--time-per-image", options.time_per_image)):
        if not 0 < value < float("inf"):
            raise ValueError(f"{name}: expected a number above 0, got {value:g}")
    return int(60 * options.scan_time / options.time_per_image + 1e-9)


def _say(plan: BValuePlan) -> None:
    """Print the proposal, its prediction beside that of the comparison, and what to be careful with."""
    print(f"{MODELS[plan.model].name}, SNR {plan.snr:g} in one image at b = 0, {plan.proposal.n_images:g} images\n")
    cells = [(f"{b:g}", f"{n:g}") for b, n in zip(plan.proposal.bvalues, plan.proposal.averages, strict=True)]
    for title, column in (("b [s/mm2]", 0), ("images", 1)):
        print(f"  proposed {title:<10}" + "".join(f"{cell[column]:>7}" for cell in cells))
    other = plan.comparison
    if other is not None:
        print(f"  compared b [s/mm2]  {' '.join(f'{b:g}' for b in other.bvalues)} (with as many images)")
    aside = "; in brackets: not optimised" if len(plan.weights) < len(MODELS[plan.model].parameters) - 1 else ""
    print(f"\npredicted coefficient of variation [%]{aside}")
    print(f"  {'tissue':<14}{'quantity':<32}{'proposal':>9}{'comparison':>12}{'ratio':>8}")
    weak = False
    for tissue, values in plan.proposal.relative.items():
        for key, cv in values.items():
            weak = weak or (key in plan.weights and cv > _NOT_MEASURABLE)
            unit = "" if quantity(key).reported_unit == "1" else f" {quantity(key).reported_unit}"
            text = f"{key} = {reported_value(key, plan.tissues[tissue][key]):g}{unit}"
            text = text if key in plan.weights else f"({text})"
            line = f"  {tissue:<14}{text:<32}{100 * cv:>9.1f}"
            if other is not None:
                line += f"{100 * other.relative[tissue][key]:>12.1f}{other.relative[tissue][key] / cv:>8.2f}"
            print(line)
    print()
    if other is not None and other.criterion < float("inf"):
        print(f"For the same criterion the comparison needs {plan.gain:.2f} times the scan time.")
    elif other is not None:
        print("The comparison does not determine what is to be measured.")
    share = max(0.1, 100 * (1 - plan.efficiency))
    print(f"No set of so many images from the same candidates has a criterion more than {share:.1f} % lower.")
    if weak:
        print("warning: above about 33 % a parameter is not measurable; plan for a region: SNR times root n")
