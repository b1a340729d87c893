import json
from dataclasses import asdict

from hypothesis import given
from hypothesis import strategies as st

from kaname.evaluation.classify import assess
from kaname.evaluation.kept import assessment_of

CASES = st.lists(st.tuples(st.booleans(), st.floats(-1, 2), st.integers(0, 4)), min_size=2, max_size=30).filter(
    lambda cases: len({truth for truth, _, _ in cases}) == 2
)


@given(CASES)
def test_as_it_was(cases: list[tuple[bool, float, int]]) -> None:
    """An assessment that was kept as JSON comes back equal."""
    truth, scores, groups = zip(*cases, strict=True)
    made = assess(truth, scores, [str(group) for group in groups], threshold=0.5)
    assert assessment_of(json.loads(json.dumps(asdict(made)))) == made
