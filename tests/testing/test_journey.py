from kaname.testing.demo.journey import STEPS, Journey
from kaname.testing.memory import PeakMemory


def test_the_bar_fills() -> None:
    """Each step that ends fills one more place of the bar, which is full at the end and never overflows."""
    told = list[str]()
    journey = Journey(PeakMemory(), tell=told.append)
    for number in range(STEPS + 1):
        with journey.step(f"step {number}", "段階"):
            assert told[-1] == f"  … 段階 · step {number}"
    ended = [line for line in told if "✓" in line]
    assert [line.count("▰") for line in ended] == [*range(1, STEPS + 1), STEPS]
    assert {line.count("▰") + line.count("▱") for line in ended} == {STEPS}
