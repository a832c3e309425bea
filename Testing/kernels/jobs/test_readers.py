import numpy as np
import pytest

from mrbiomarkers.agreement import bland_altman, icc
from mrbiomarkers.jobs import agree_readers
from mrbiomarkers.measurements import Measurement


def row(reader, subject, value, quantity="PDFF", unit="%", **more):
    text = {"timepoint": "", "series": "", "region": "L3", "slice": "all", "model": "m", "fit": "", **more}
    return Measurement(
        subject=subject, reader=reader, quantity=quantity, unit=unit, method="mean of map", value=value, **text
    )


@pytest.fixture
def values():
    generator = np.random.default_rng(3)
    truth = generator.normal(40.0, 10.0, 12)
    return truth + 1.0 + generator.normal(0, 2.0, 12), truth + generator.normal(0, 2.0, 12)


@pytest.fixture
def rows(values):
    both = []
    for reader, column in zip("AB", values, strict=True):
        both += [row(reader, f"s{n}", value) for n, value in enumerate(column)]
    return both


def test_figures_are_those_of_the_agreement_room(rows, values):
    found, notes = agree_readers(rows, "A", "B", kind="2,1")
    record = found[0].record()
    both = np.stack(values, axis=1)
    peer, limits = icc(both, "2,1"), bland_altman(*values)
    assert record["icc"] == pytest.approx(float(peer.value))
    assert (record["icc_low"], record["icc_high"]) == (float(peer.ci_low), float(peer.ci_high))
    assert record["bias"] == pytest.approx(float((values[0] - values[1]).mean()))
    assert record["upper_limit"] == pytest.approx(float(limits.upper_limit.value))
    assert (record["n"], record["unit"], record["reader_a"]) == (12, "%", "A")
    assert any("two" in line for line in notes)  # intervals of ICC(2,1)


def test_rows_of_one_reader_only_and_single_slices(rows):
    rows += [row("A", "s99", 30.0), row("A", "s0", 30.0, slice="2"), row("A", "s0", 1.0, quantity="D", unit="1")]
    found, notes = agree_readers(rows, "A", "B")
    assert [(agreement.quantity, int(agreement.correlation.n_subjects)) for agreement in found] == [("PDFF", 12)]
    text = "\n".join(notes)
    assert "s99" in text
    assert "D, m, mean of map: not compared" in text


def test_several_regions_of_a_subject_are_said_not_to_be_independent(rows):
    _, notes = agree_readers(rows, "A", "B")
    assert not any("independent" in line for line in notes)
    rows += [row(reader, "s0", 30.0, region="L4") for reader in "AB"]
    found, notes = agree_readers(rows, "A", "B")
    assert int(found[0].correlation.n_subjects) == 13
    assert any("13 pairs of 12 subjects" in line for line in notes)
    assert not any("independent" in line for line in agree_readers(rows, "A", "B", regions=("L3",))[1])


def test_what_cannot_be_compared(rows):
    with pytest.raises(ValueError, match="reader_b: expected a reader of the table"):
        agree_readers(rows, "A", "C")
    with pytest.raises(ValueError, match="expected a quantity that both readers measured"):
        agree_readers([*rows[:12], row("B", "other", 3.0)], "A", "B")
