from hypothesis import given
from hypothesis import strategies as st

from kaname.annotation.model import KINDS, OPEN, Kind, Mark, Marked, Reading, Verdict
from kaname.annotation.settle import deciding, settle

AT = "2026-11-21T12:00:00Z"


def answer(reader: str, label: str, kind: Kind = "reading", number: int = 1) -> Reading:
    """A reading of one case."""
    return Reading("c" * 64, "hub", number, reader, kind, (Mark("image", label),), AT)


READINGS = st.lists(
    st.builds(answer, st.sampled_from("abc"), st.sampled_from(["present", "absent"]), st.sampled_from(KINDS)),
    max_size=8,
)


def test_a_case_is_open_until_enough_readers_have_seen_it() -> None:
    """One of two readers settles nothing, and neither does one reader twice."""
    assert settle([], 2) == OPEN
    assert settle([answer("a", "present"), answer("a", "absent")], 2) == OPEN


def test_two_readers_who_agree_settle_a_case() -> None:
    """What both say is the label."""
    verdict = settle([answer("a", "present"), answer("b", "present")], 2)
    assert verdict == Verdict("settled", "present", "agreed")


def test_two_readers_who_differ_wait_for_an_adjudicator() -> None:
    """A dispute has no label until somebody decides."""
    disputed = [answer("a", "present"), answer("b", "absent")]
    assert settle(disputed, 2) == Verdict("disputed")
    assert settle([*disputed, answer("c", "absent", "adjudication")], 2) == Verdict("settled", "absent", "adjudicated")


def test_the_last_reading_of_a_reader_counts() -> None:
    """Who thinks again takes the place of their own answer, and of nobody else's."""
    readings = [answer("a", "present"), answer("b", "absent"), answer("b", "present")]
    assert settle(readings, 2) == Verdict("settled", "present", "agreed")


def test_readers_of_one_name_at_two_nodes_are_two() -> None:
    """A name is known to its node alone."""
    other = Reading("c" * 64, "cloud", 1, "a", "reading", (Mark("image", "present"),), AT)
    assert settle([answer("a", "present"), other], 2).state == "settled"


@given(READINGS, st.integers(1, 3))
def test_the_last_decision_stands_whatever_readers_say(readings: list[Reading], readers: int) -> None:
    """A case with an adjudication or correction is settled, with the label of the last of them."""
    decisions = [one for one in readings if one.kind != "reading"]
    verdict = settle(readings, readers)
    if decisions:
        assert (verdict.state, verdict.label) == ("settled", decisions[-1].label)
    else:
        assert verdict.settled in {"", "agreed"}


@given(READINGS, st.integers(1, 3))
def test_a_label_is_an_answer_that_somebody_gave(readings: list[Reading], readers: int) -> None:
    """Nothing is settled that no reading says, and only settled cases have a label."""
    verdict = settle(readings, readers)
    assert (verdict.label in {one.label for one in readings}) is (verdict.state == "settled")


@given(READINGS, READINGS)
def test_the_same_reading_twice_changes_nothing(before: list[Reading], after: list[Reading]) -> None:
    """A reading that is repeated at once counts as one."""
    twice = [*before, *before[-1:], *after]
    assert settle(twice, 2) == settle([*before, *after], 2)


def test_the_marks_of_all_who_agreed_decide() -> None:
    """Each reader's last marks stay, under a number that says nothing of who it was."""
    readings = [answer("z", "absent"), answer("a", "present"), answer("z", "present")]
    assert deciding(readings) == (Marked(1, Mark("image", "present")), Marked(2, Mark("image", "present")))


def test_who_decides_last_decides_the_marks() -> None:
    """An adjudicator's marks stand alone, until somebody corrects them."""
    readings = [answer("a", "present"), answer("b", "absent"), answer("c", "absent", "adjudication")]
    assert deciding(readings) == (Marked(1, Mark("image", "absent")),)
    corrected = [*readings, answer("d", "present", "correction")]
    assert deciding(corrected) == (Marked(1, Mark("image", "present")),)


@given(READINGS, st.integers(1, 3))
def test_the_marks_that_decided_say_the_label(readings: list[Reading], readers: int) -> None:
    """Whatever settled a case, its label is the answer of everybody whose marks stay."""
    verdict = settle(readings, readers)
    if verdict.state == "settled":
        assert {one.mark.label for one in deciding(readings)} == {verdict.label}
