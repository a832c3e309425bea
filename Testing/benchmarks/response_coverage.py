"""How often intervals hold the truth, in simulated studies of 80 patients of whom a third are positive.

Run with ``python3 dev.py bench response_coverage``. 1,000 studies each: area under the curve by logit DeLong, DeLong
and bootstrap (500 resamples) for normal scores of a known area, and for scores rounded so that many are tied; limits of
agreement (exact) and ICC(3,1), ICC(2,1) of two readers without an effect of the reader. The bars: logit DeLong 92 to
98 % at areas of 0.7 to 0.95; the others 93 to 97 %.
"""

import time

import numpy as np
from scipy import stats

from mrbiomarkers.agreement import bland_altman, icc
from mrbiomarkers.response.roc import auc

STUDIES, PATIENTS, POSITIVE = 1000, 80, 27
AREAS = (0.7, 0.8, 0.9, 0.95)
INTERVALS = ("logit-delong", "delong", "bootstrap")
STEP = 0.5


def tied_area(shift):
    """Area of normal scores rounded to steps, ties counted half."""
    edges = np.arange(-8, 12, STEP) + STEP / 2
    low, high = (np.diff(stats.norm.cdf(edges, loc)) for loc in (0, shift))
    return float(high @ (np.cumsum(low) - low / 2))


def area_coverage(truth, rounded, seed):
    rng = np.random.default_rng(seed)
    shift = np.sqrt(2) * stats.norm.ppf(truth)
    outcome = np.repeat([1, 0], [POSITIVE, PATIENTS - POSITIVE])
    held = dict.fromkeys(INTERVALS, 0)
    aim = tied_area(shift) if rounded else truth
    for study in range(STUDIES):
        score = rng.normal(size=PATIENTS) + shift * outcome
        if rounded:
            score = STEP * np.round(score / STEP)
        for how in INTERVALS:
            found = auc(outcome, score, interval=how, resamples=500, seed=study).estimate
            held[how] += found.ci_low <= aim <= found.ci_high
    return {how: count / STUDIES for how, count in held.items()}


def agreement_coverage(seed):
    rng = np.random.default_rng(seed)
    subjects = rng.normal(0, 2, (STUDIES, PATIENTS, 1))
    ratings = subjects + rng.normal(0, 1, (STUDIES, PATIENTS, 2))
    limits = bland_altman(ratings[..., 0], ratings[..., 1])
    upper = stats.norm.ppf(0.975) * np.sqrt(2)
    found = {"upper limit of agreement": (limits.upper_limit, upper), "lower limit": (limits.lower_limit, -upper)}
    found |= {f"ICC({kind})": (icc(ratings, kind), 0.8) for kind in ("3,1", "2,1")}
    return {name: float(np.mean((one.ci_low <= t) & (t <= one.ci_high))) for name, (one, t) in found.items()}


def main():
    start = time.process_time()
    print(f"{STUDIES} studies, n = {PATIENTS}, {POSITIVE} positive: share of 95 % intervals that hold the truth")
    print("area    scores    " + "    ".join(INTERVALS))
    for truth in AREAS:
        for rounded in (False, True):
            shares = area_coverage(truth, rounded, seed=1)
            shown = "    ".join(f"{100 * shares[how]:{len(how)}.1f}" for how in INTERVALS)
            print(f"{truth:<8.2f}{'tied' if rounded else 'plain':<10}{shown}")
    for name, share in agreement_coverage(seed=2).items():
        print(f"{name}: {100 * share:.1f}")
    print(f"{time.process_time() - start:.0f} CPU seconds")


if __name__ == "__main__":
    main()
