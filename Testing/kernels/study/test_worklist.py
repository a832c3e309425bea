import json
from itertools import product
from pathlib import Path

import pytest

from mrbiomarkers.study import REASONS, STATES, Worklist

SUBJECTS = [f"S{number:02}" for number in range(1, 9)]
ORDER = ["S02 post", "S01 pre", "S01 post", "S03 post", "S02 pre", "S03 pre"]  # by hashlib alone


def cohort(folder, subjects=SUBJECTS, timepoints=("pre", "post"), gone=()):
    """A table with a file for each subject and time point, in folders named after the patient."""
    lines = ["subject,timepoint,series"]
    for subject, timepoint in product(subjects, timepoints):
        series = Path("DOE_JANE", subject, f"dwi_{timepoint}.nii.gz")
        place = folder / series
        place.parent.mkdir(parents=True, exist_ok=True)
        if f"{subject} {timepoint}" in gone:
            place.unlink(missing_ok=True)
        else:
            place.touch()
        lines.append(f"{subject},{timepoint},{series.as_posix()}")
    table = folder / "cohort.csv"
    table.write_text("\n".join(lines), encoding="utf-8")
    return table


def order(table, reader="Anna", **options):
    with Worklist.read(table, reader=reader, **options) as worklist:
        return [f"{case.subject} {case.timepoint}" for case in worklist.cases]


def test_the_order_is_the_same_on_every_system(tmp_path):
    """Written down once: another order on another system, or in another version, is a reader who starts again."""
    assert order(cohort(tmp_path, SUBJECTS[:3])) == ORDER


def test_two_readers_have_the_same_cases_in_orders_of_their_own(tmp_path):
    table = cohort(tmp_path)
    anna, ben = order(table), order(table, "Ben")
    assert sorted(anna) == sorted(ben) == sorted(f"{s} {t}" for s, t in product(SUBJECTS, ("pre", "post")))
    assert anna != ben
    assert anna != sorted(anna)
    other = order(table, seed=1, folder=tmp_path / "other")
    assert sorted(other) == sorted(anna)
    assert other != anna


def test_the_order_does_not_hang_on_that_of_the_table_or_on_where_the_data_are(tmp_path):
    table = cohort(tmp_path / "here")
    header, *lines = table.read_text().splitlines()
    moved = tmp_path / "there.csv"
    moved.write_text("\n".join([header, *[line.replace("DOE_JANE", "/mnt/else") for line in reversed(lines)]]))
    assert order(table) == order(moved)


def test_every_place_is_taken_by_every_case_about_equally_often(tmp_path):
    table = cohort(tmp_path, SUBJECTS[:4], [""])
    first = [order(table, f"R{number}", folder=tmp_path / "many")[0] for number in range(120)]
    counts = [first.count(f"{subject} ") for subject in SUBJECTS[:4]]
    assert sum(counts) == 120
    assert all(14 <= count <= 46 for count in counts)  # 30 expected, sd 4.7


def test_what_was_done_is_there_in_the_next_session(tmp_path):
    table = cohort(tmp_path)
    with Worklist.read(table, reader="Anna", seed=7, blind=True) as worklist:
        first, second, third, fourth = worklist.cases[:4]
        assert worklist.current is None
        assert worklist.next() == first
        worklist.open(first)
        worklist.mark(first, "done")
        worklist.mark(second.name, "excluded", "motion")
        worklist.mark(third, "excluded", "other", " metal in L4 ")
        assert worklist.open(fourth) is fourth
    with Worklist.read(table, reader="Anna") as worklist:
        assert worklist.cases[:4] == (first, second, third, fourth)
        assert worklist.current == fourth
        assert (worklist.seed, worklist.blind, worklist.reader) == (7, True, "Anna")
        assert worklist.state(first) == ("done", "", "")
        assert worklist.state(second) == ("excluded", "motion", "")
        assert worklist.state(third) == ("excluded", "other", "metal in L4")
        assert worklist.state(fourth) == ("to do", "", "")
        assert worklist.summary() == {"to do": 13, "done": 1, "excluded": 2, "missing": 0}
        worklist.mark(first, "to do")
        assert worklist.state(first).state == "to do"


def test_next_goes_round_and_ends_when_nothing_is_left(tmp_path):
    with Worklist.read(cohort(tmp_path, SUBJECTS[:3], [""]), reader="Anna") as worklist:
        first, second, third = worklist.cases
        worklist.open(second)
        assert worklist.next() == third
        assert worklist.current == second
        worklist.mark(third, "excluded", "artefact")
        assert worklist.next() == first
        worklist.mark(first, "done")
        assert worklist.next() == second
        worklist.mark(second, "done")
        assert worklist.next() is None


def test_labels_hide_the_time_point_and_never_name_a_file(tmp_path):
    with Worklist.read(cohort(tmp_path), reader="Anna") as worklist:
        case = worklist.cases[4]
        assert worklist.label(case) == f"{case.subject}, {case.timepoint}"
        names = [path.name for case in worklist.cases for path in worklist.places(case)]
    with Worklist.read(tmp_path / "cohort.csv", reader="Anna", blind=True) as worklist:
        assert worklist.label(case) == "case 5"
        assert [worklist.label(one) for one in worklist.cases] == [f"case {n}" for n in range(1, 17)]
    with Worklist.read(tmp_path / "cohort.csv", reader="Anna", blind=False) as worklist:
        assert worklist.label(case.name) == f"{case.subject}, {case.timepoint}"
    assert len(set(names)) == 3 * 16
    assert not [name for name in names if "pre" in name or "post" in name or "DOE" in name or "dwi" in name]
    for saved in (tmp_path / "readings").rglob("*.*"):
        assert not saved.is_file() or b"DOE" not in saved.read_bytes()


def test_the_files_of_a_case_are_in_the_readers_folder(tmp_path):
    with Worklist.read(cohort(tmp_path), reader="Dr. Anna Ö/B.") as worklist:
        places = worklist.places(worklist.cases[0])
        assert worklist.folder == tmp_path / "readings" / "Dr._Anna_Ö_B"
        assert {path.parent for path in places} == {worklist.folder}
        name = worklist.cases[0].name
        suffixes = [path.name.removeprefix(name) for path in places]
        assert suffixes == [".seg.nrrd", ".mrk.json", ".measurements.csv"]
        assert name.startswith(f"{worklist.cases[0].subject}-")


@pytest.mark.parametrize("reader", ["", "  ", "/", "..", "_", None])
def test_a_reader_without_a_name_is_refused(tmp_path, reader):
    with pytest.raises(ValueError, match="reader: expected a name or code"):
        Worklist.read(cohort(tmp_path), reader=reader)
    assert not (tmp_path / "readings").exists()


@pytest.mark.parametrize("reader", ["CON", "A" * 101])
def test_a_name_that_no_folder_can_have_is_refused(tmp_path, reader):
    with pytest.raises(ValueError, match="reader: expected"):
        Worklist.read(cohort(tmp_path), reader=reader)


@pytest.mark.parametrize("other", ["Dr_Mu\u0308ller", "dr müller", "Dr/Müller"])
def test_two_readers_of_one_folder_are_refused(tmp_path, other):
    table = cohort(tmp_path)
    before = order(table, "Dr  Müller ")
    saved = (tmp_path / "readings" / "Dr_Müller" / "state.json").read_bytes()
    with pytest.raises(ValueError, match="Dr_Müller belongs to 'Dr Müller': write the name like this"):
        Worklist.read(table, reader=other)
    assert (tmp_path / "readings" / "Dr_Müller" / "state.json").read_bytes() == saved
    assert order(table, "Dr Mu\u0308ller") == before  # the same letters, as another system types them
    assert [path.name for path in (tmp_path / "readings").iterdir()] == ["Dr_Müller"]


def test_cases_may_be_added_and_come_last(tmp_path):
    before = order(cohort(tmp_path, SUBJECTS[:4]))
    with Worklist.read(tmp_path / "cohort.csv", reader="Anna") as worklist:
        worklist.mark(worklist.cases[0], "done")
    after = order(cohort(tmp_path, SUBJECTS))
    assert after[:8] == before
    assert sorted(after[8:]) == sorted(f"{s} {t}" for s, t in product(SUBJECTS[4:], ("pre", "post")))
    with Worklist.read(tmp_path / "cohort.csv", reader="Anna") as worklist:
        assert worklist.summary()["done"] == 1


@pytest.mark.parametrize("change", ["fewer", "other file", "other time point"])
def test_a_worklist_of_other_cases_does_not_touch_the_readings(tmp_path, change):
    table = cohort(tmp_path, SUBJECTS[:3])
    order(table)
    saved = (tmp_path / "readings" / "Anna" / "state.json").read_bytes()
    text = table.read_text()
    *most, last = text.splitlines()
    other = {"fewer": "", "other file": last.replace("dwi", "t2"), "other time point": last.replace(",post,", ",x,")}
    table.write_text("\n".join([*most, other[change], "S99,pre,added.nii"]))
    with pytest.raises(ValueError, match=r"another worklist, with 1 of 6 cases .*\(subjects S03\)"):
        Worklist.read(table, reader="Anna")
    assert (tmp_path / "readings" / "Anna" / "state.json").read_bytes() == saved
    table.write_text(text)
    assert len(order(table)) == 6


def test_another_seed_is_refused_once_readings_are_there(tmp_path):
    table = cohort(tmp_path)
    before = order(table, seed=3)
    with pytest.raises(ValueError, match=r"seed: expected 3, .* got 4"):
        Worklist.read(table, reader="Anna", seed=4)
    assert order(table, seed=3) == before
    with pytest.raises(TypeError, match="seed: expected a whole number"):
        Worklist.read(table, reader="Ben", seed=1.5)


def test_cases_whose_files_are_gone_are_listed_before_any_is_opened(tmp_path):
    table = cohort(tmp_path, SUBJECTS[:3], gone=("S02 pre", "S03 post"))
    with Worklist.read(table, reader="Anna") as worklist:
        assert sorted(case.subject for case in worklist.missing) == ["S02", "S03"]
        assert worklist.summary() == {"to do": 4, "done": 0, "excluded": 0, "missing": 2}
        seen = []
        while (case := worklist.next()) is not None:
            worklist.open(case)
            worklist.mark(case, "done")
            seen.append(case)
        assert len(seen) == 4
        gone = worklist.missing[0]
        with pytest.raises(FileNotFoundError, match=rf"{gone.subject}, p.*: missing: series \(line \d of") as caught:
            worklist.open(gone)
        assert "DOE" not in str(caught.value)
        assert worklist.current == seen[-1]
        gone.data["series"].touch()
        worklist.open(gone)
        assert worklist.current == gone
        assert gone not in worklist.missing
        worklist.mark(worklist.missing[0], "excluded", "other", "file lost")
        assert worklist.summary() == {"to do": 1, "done": 4, "excluded": 1, "missing": 0}


def test_states_that_do_not_exist_are_refused_and_nothing_changes(tmp_path):
    assert (STATES, REASONS) == (("to do", "done", "excluded"), ("artefact", "motion", "other"))
    with Worklist.read(cohort(tmp_path), reader="Anna") as worklist:
        case = worklist.cases[0]
        for wrong, said in [
            (("finished",), "state: "),
            (("excluded",), "reason: "),
            (("excluded", "ugly"), "reason: "),
            (("excluded", "other", " "), "text: expected some words"),
            (("done", "motion"), "reason: expected none of a case that is done"),
            (("to do", "", "later"), "reason: expected none of a case that is to do"),
        ]:
            with pytest.raises(ValueError, match=said):
                worklist.mark(case, *wrong)
        with pytest.raises(KeyError, match="expected one of this worklist, got 'S99'"):
            worklist.mark("S99", "done")
        assert worklist.summary()["to do"] == 16
        assert json.loads((worklist.folder / "state.json").read_text())["cases"][0]["state"] == "to do"
