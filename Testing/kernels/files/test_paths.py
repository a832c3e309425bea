import pytest

from mrbiomarkers.files import atomic_path, suffix_of
from mrbiomarkers.files.paths import stem_of
from Testing.support.volumes import one_line


@pytest.mark.parametrize(
    ("name", "suffix", "stem"),
    [
        ("x.nii", ".nii", "x"),
        ("folder.d/x.nii.gz", ".nii.gz", "x"),
        ("X.NII.GZ", ".nii.gz", "X"),
        ("x.nrrd", ".nrrd", "x"),
        ("x.nhdr", ".nhdr", "x"),
        ("x.y.seq.nrrd", ".seq.nrrd", "x.y"),
        ("L1-L5.seg.nrrd", ".seg.nrrd", "L1-L5"),
        ("x.mha", ".mha", "x"),
        ("x", "", "x"),
    ],
)
def test_suffix_and_stem(name, suffix, stem):
    assert suffix_of(name) == suffix
    assert stem_of(name) == stem


def test_atomic_path_replaces_the_target_in_the_end(tmp_path):
    target = tmp_path / "f.nii.gz"
    target.write_text("old")
    with atomic_path(target) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".")
        assert suffix_of(temporary) == ".nii.gz"
        temporary.write_text("new")
        assert target.read_text() == "old"

    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_interrupted_write_leaves_no_file_and_keeps_the_old_one(tmp_path, failure):
    def write(target):
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise failure

    with pytest.raises(failure):
        write(tmp_path / "new.csv")
    assert list(tmp_path.iterdir()) == []

    (tmp_path / "old.csv").write_text("old")
    with pytest.raises(failure):
        write(tmp_path / "old.csv")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_missing_folder_is_named(tmp_path):
    path = tmp_path / "nowhere" / "f.csv"
    with pytest.raises(FileNotFoundError, match=r"the folder .*nowhere does not exist") as caught, atomic_path(path):
        pass
    one_line(caught.value, path)


def test_a_full_disk_names_the_file_and_leaves_none(tmp_path):
    with pytest.raises(OSError, match=r"No space left on device: '.*table\.csv'"), atomic_path(tmp_path / "table.csv"):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []
