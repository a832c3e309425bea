import pytest

from mrbiomarkers.regions.levels import LABEL_TABLES, LEVELS, Segment, find_levels

# As 3D Slicer writes the tag: context ~ category ~ type ~ modifier ~ context ~ region ~ modifier.
TAG = "Segmentation category and type - {}~SCT^{}~SCT^{}~^^~Anatomic codes - DICOM master list~{}~^^"


def tag(type_, category="123037004^Anatomical Structure", region="^^", context="Total Segmentator"):
    return TAG.format(context, category, type_, region)


def labels(*numbers):
    return [Segment(number) for number in numbers]


@pytest.mark.parametrize(
    ("table", "number", "level"),
    [
        # each tool's own list of labels
        ("totalsegmentator-mr", 2, "L5"),
        ("totalsegmentator-mr", 6, "L1"),
        ("totalsegmentator-mr", 7, "T12"),
        ("totalsegmentator-mr", 25, "C1"),
        ("totalsegmentator-ct", 26, "S1"),
        ("totalsegmentator-ct", 27, "L5"),
        ("totalsegmentator-ct", 31, "L1"),
        ("totalsegmentator-ct", 43, "T1"),
        ("totalsegmentator-ct", 44, "C7"),
        ("totalsegmentator-ct", 50, "C1"),
        ("totalsegmentator-ct-bodies", 8, "T1"),
        ("totalsegmentator-ct-bodies", 20, "L1"),
        ("totalsegmentator-ct-bodies", 24, "L5"),
        ("totalspineseg", 11, "C1"),
        ("totalspineseg", 32, "T12"),
        ("totalspineseg", 41, "L1"),
        ("totalspineseg", 46, "L6"),
        ("spineps", 7, "C7"),
        ("spineps", 19, "T12"),
        ("spineps", 20, "L1"),
        ("spineps", 25, "L6"),
        ("spineps", 26, "S1"),
        ("spineps", 28, "T13"),
        ("spider", 1, "L5"),
        ("spider", 5, "L1"),
        ("spider", 6, "T12"),
        ("mrspineseg", 2, "L5"),
        ("mrspineseg", 6, "L1"),
        ("mrspineseg", 10, "T9"),
    ],
)
def test_labels_of_each_tool(table, number, level):
    found = find_levels(labels(number), table)
    assert found.labels == {level: number}
    assert found.found_by == {level: "table"}


@pytest.mark.parametrize(
    ("table", "numbers"), [("totalsegmentator-ct", (79,)), ("totalspineseg", (1, 2)), ("spider", (100,))]
)
def test_canal_of_each_tool(table, numbers):
    number = next(number for number, level in LABEL_TABLES[table].items() if level == "L3")
    assert find_levels(labels(number, *numbers), table).canal == numbers


def test_tables_name_each_level_once():
    for table, meaning in LABEL_TABLES.items():
        vertebrae = [level for level in meaning.values() if level != "canal"]
        assert len(vertebrae) == len(set(vertebrae)), table
        assert set(vertebrae) <= set(LEVELS)
        assert {f"L{n}" for n in range(1, 6)} < set(vertebrae)


@pytest.mark.parametrize(
    ("code", "level"),
    [
        ("66794005^L1 vertebra", "L1"),
        ("14293000^L2 vertebra", "L2"),
        ("36470004^L3 vertebra", "L3"),
        ("11994002^L4 vertebra", "L4"),
        ("49668003^L5 vertebra", "L5"),
        ("23215003^T12 vertebra", "T12"),
        ("64864005^T1 vertebra", "T1"),
        ("87391001^C7 vertebra", "C7"),
        ("14806007^C1 vertebra", "C1"),
        ("65985001^S1 vertebra", "S1"),
    ],
)
def test_code_of_the_type_tells_the_level(code, level):
    for text in (tag(code), f"SCT^{code}"):
        found = find_levels([Segment(3, "Segment_3", "Segment_3", text)])
        assert found.labels == {level: 3}
        assert found.found_by == {level: "code"}


def test_a_lesion_in_a_vertebra_is_not_that_vertebra():
    lesion = tag("14799000^Metastasis", "49755003^Morphologically Altered Structure", "SCT^36470004^L3 vertebra")
    with pytest.raises(ValueError, match="labels: expected vertebrae, found none"):
        find_levels([Segment(1, "Segment_1", "lesion", lesion)])


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("vertebrae_L1", "L1"),
        ("vertebra_L3", "L3"),
        ("L1 vertebra", "L1"),
        ("L5", "L5"),
        ("l2", "L2"),
        ("vertebrae_T9", "T9"),
        ("vertebrae_T12", "T12"),
        ("T13", "T13"),
        ("vertebrae_L6", "L6"),
        ("L4 vertebral body", "L4"),
    ],
)
def test_name_or_id_tells_the_level(name, level):
    for segment in (Segment(9, name), Segment(9, "Segment_1", name)):
        found = find_levels([segment])
        assert found.labels == {level: 9}
        assert found.found_by == {level: "name"}


@pytest.mark.parametrize("name", ["L1-L2", "disc_L1_L2", "L1_L2", "L3 lesion", "rib_left_12", "L7", "label_41", "CL1"])
def test_a_name_that_only_holds_a_level_is_not_one(name):
    with pytest.raises(ValueError, match="labels: expected vertebrae, found none"):
        find_levels([Segment(9, "", name)])


def test_code_comes_before_name_and_name_before_table():
    segments = [
        Segment(1, "vertebrae_L3", "", tag("66794005^L1 vertebra")),
        Segment(2, "vertebrae_L2"),
        Segment(3),
        Segment(4, "", "spinal_canal"),
    ]
    found = find_levels(segments, {1: "T1", 2: "T2", 3: "L3"})
    assert list(found.labels.items()) == [("L1", 1), ("L2", 2), ("L3", 3)]
    assert list(found.found_by.values()) == ["code", "name", "table"]
    assert found.canal == (4,)
    assert found.warnings == ("segment 'vertebrae_L3': its code says L1, its name does not; the code is followed",)


def test_nothing_is_guessed_where_labels_have_two_meanings():
    # L1-L5 in TotalSpineSeg, arch and processes in SPINEPS
    with pytest.raises(ValueError, match=r"found none \(no table was given\)\. Found: 41; 42; 43\. Known: .*spineps"):
        find_levels(labels(41, 42, 43))
    assert list(find_levels(labels(41, 42, 43), "totalspineseg").labels) == ["L1", "L2", "L3"]
    with pytest.raises(ValueError, match=r"found none \(table 'spineps'\)\. Found: 41; 42; 43"):
        find_levels(labels(41, 42, 43), "spineps")


def test_one_mask_of_all_vertebrae_is_explained():
    with pytest.raises(ValueError, match=r"19 vertebrae; 20 intervertebral_discs.*holds no levels: .*vertebrae_mr"):
        find_levels([Segment(19, "vertebrae"), Segment(20, "intervertebral_discs")])


def test_own_table_may_use_labels_ids_and_names():
    segments = [Segment(1), Segment(2, "Segment_2"), Segment(3, "", "upper"), Segment(7, "", "aorta")]
    found = find_levels(segments, {1: "L3", "Segment_2": "L2", "upper": "T13"})
    assert found.labels == {"T13": 3, "L2": 2, "L3": 1}
    assert found.unused == ("7 aorta",)


@pytest.mark.parametrize(
    ("numbers", "shift", "expected"),
    [
        ((19, 20, 24), 1, {"L1": 19, "L2": 20, "L6": 24}),
        ((19, 20, 24), -1, {"T11": 19, "T12": 20, "L4": 24}),
        # with a T13 the lumbar spine begins below it
        ((19, 28, 20), 1, {"T13": 19, "L1": 28, "L2": 20}),
        ((28, 20, 21), -1, {"T12": 28, "T13": 20, "L1": 21}),
        # the sacrum stays: what the shift would push there is left out
        ((25, 24), 1, {"L6": 24}),
    ],
)
def test_numbering_is_shifted_by_one(numbers, shift, expected):
    found = find_levels(labels(*numbers), "spineps", shift=shift)
    assert found.labels == expected
    assert set(found.found_by) == set(expected)


def test_what_a_shift_moves_off_the_spine_is_said():
    assert find_levels(labels(25, 24), "spineps", shift=1).warnings == (
        "shift: L6 (label 25) cannot be moved by 1 and is left out",
    )


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="shift: expected -1, 0 or 1 vertebra, got 2"):
        find_levels(labels(20), "spineps", shift=2)
    with pytest.raises(ValueError, match=r"table: expected one of .*spider.*; got 'nnunet'"):
        find_levels(labels(20), "nnunet")
    with pytest.raises(ValueError, match=r"table: expected a level .* for 4, got 'Lumbar 1'"):
        find_levels(labels(4), {4: "Lumbar 1"})
    with pytest.raises(ValueError, match="expected each level once, got L3 as labels 1 and 2"):
        find_levels([Segment(1, "vertebrae_L3"), Segment(2, "", "L3 vertebra")])
    with pytest.raises(ValueError, match="Found: no label above 0"):
        find_levels([], "spineps")
