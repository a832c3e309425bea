"""Radiomic features beside the reference values of the Image Biomarker Standardisation Initiative (IBSI 1).

Run with ``python3 dev.py bench radiomics_ibsi``; it needs the shared data: digital phantom and CT phantom with their
reference values and tolerances (Zwanenburg et al., Radiology 2020;295:328). The CT phantom is resampled to 2 mm
(configurations C and D, trilinear). A value counts as within where it lies no further from the reference than the
tolerance; the references are printed to three digits, so half of the last digit is allowed beside it, and it is said
how many need that (many tolerances of the digital phantom are 0).
"""

import time
from math import floor, log10
from pathlib import Path

import SimpleITK as sitk  # noqa: N813

from mrbiomarkers.radiomics import extract
from mrbiomarkers.settings import RadiomicsSettings
from Testing.support.ibsi import phantom, references, tags

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
CASES = {  # image, reference values, settings
    "digital phantom": ("ibsi1_digital_phantom", "dig_phantom", {"bin_width": 1, "bin_minimum": 1}),
    "CT, configuration C": (
        "ibsi1_ct_phantom",
        "chest_config_c",
        {"spacing": (2, 2, 2), "interpolator": "linear", "resegment_range": (-1000, 400), "bin_width": 25},
    ),
    "CT, configuration D": (
        "ibsi1_ct_phantom",
        "chest_config_d",
        {
            "spacing": (2, 2, 2),
            "interpolator": "linear",
            "resegment_range": (-3, 3),
            "resegment_mode": "sigma",
            "bin_count": 32,
        },
    ),
}
FAMILIES = ("shape", "firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")


def judged(found, expected, aggregation):
    """Return a verdict on each feature (within, within but for the rounding, outside) and lines on what is outside."""
    verdicts, outside = {}, []
    for name, tag in tags(aggregation).items():
        value, tolerance = expected[tag]
        away = abs(found[name] - value)
        rounding = 0.5 * 10.0 ** (floor(log10(abs(value))) - 2) if value else 0.0
        if away <= tolerance * (1 + 1e-9):
            verdicts[name] = "within"
        elif away <= tolerance + 1.001 * rounding:
            verdicts[name] = "rounding"
        else:
            verdicts[name] = "outside"
            outside.append(f"  {name} ({tag}): {found[name]:.6g}, reference {value:g}, tolerance {tolerance:g}")
    return verdicts, outside


def main():
    if not (SHARED / "radiomics").is_dir():
        print(f"radiomics_ibsi: skipped, the phantoms are not in {SHARED}")
        return
    print(f"phantom | aggregation | within / compared | need the rounding | {' | '.join(FAMILIES)} | CPU s")
    for title, (folder, values, changes) in CASES.items():
        expected = references(SHARED, values)
        images = phantom(SHARED, folder)
        for aggregation, tag in (("merge", "comb"), ("average", "avg")):
            sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
            before = time.process_time()
            found = extract(*images, RadiomicsSettings(standard="ibsi", aggregation=aggregation, **changes))
            seconds = time.process_time() - before
            verdicts, outside = judged(found, expected, tag)
            cells = []
            for family in FAMILIES:
                own = [verdict for name, verdict in verdicts.items() if name.split("_")[1] == family]
                cells.append(f"{sum(verdict != 'outside' for verdict in own)} / {len(own)}")
            rounded = sum(verdict == "rounding" for verdict in verdicts.values())
            print(
                f"{title} | {aggregation} | {len(verdicts) - len(outside)} / {len(verdicts)} | {rounded} | "
                f"{' | '.join(cells)} | {seconds:.2f}"
            )
            print("\n".join(outside), end="\n" if outside else "")
    left = sorted(name for name in found if name not in tags("comb"))
    print(f"not compared, no such IBSI feature or another definition ({len(left)}): {', '.join(left)}")


if __name__ == "__main__":
    main()
