"""Were the images that cleansing left cut as the stated ratio says, and none lost?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from kaname.evaluation.model import CountTable, Finding, Split
from kaname.evaluation.repair import Change


def split_counts(total: int, ratio: Sequence[int]) -> tuple[int, ...]:
    """``total`` cut by ``ratio`` (largest remainders first): 19,912 by 8:1:1 is 15,930, 1,991 and 1,991."""
    exact = [Fraction(total * share, sum(ratio)) for share in ratio]
    parts = [int(share) for share in exact]
    by_remainder = sorted(range(len(parts)), key=lambda index: parts[index] - exact[index])
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return tuple(parts)


def findings(split: Split) -> Iterator[Finding]:
    """A finding for parts that do not sum, do not follow the ratio, or a cleansing that does not add up."""
    yield from _cleansing(split)
    if split.parts and split.after is not None and sum(split.parts) != split.after:
        found = sum(split.parts)
        yield Finding(
            "split-sum",
            "",
            split.after,
            found,
            f"分割の合計 {found:,} が全体 {split.after:,} と一致しません。",
            f"The parts sum to {found:,}, not to {split.after:,}.",
        )
    if split.parts and split.ratio:
        yield from _ratio(split.parts, split.ratio)


def column_findings(table: CountTable, ratio: Sequence[int]) -> Iterator[Finding]:
    """A finding when the columns of a table are said to be parts of one split and cannot be."""
    if ratio:
        yield from _ratio(table.column_sums, ratio)


def changes(split: Split) -> Iterator[Change[Split]]:
    """Each number as the others have it."""
    rest = sum(split.parts)
    if split.after is not None:
        if split.parts:
            yield Change(f"分割前/total: {split.after} → {rest}", replace(split, after=rest))
        for index, part in enumerate(split.parts):
            meant = part + split.after - rest
            parts = (*split.parts[:index], meant, *split.parts[index + 1 :])
            if meant >= 0:
                yield Change(f"分割/part {index + 1}: {part} → {meant}", replace(split, parts=parts))
    if split.before is not None and split.after is not None and split.dropped is not None:
        before, after, dropped = split.after + split.dropped, split.before - split.dropped, split.before - split.after
        yield Change(f"除外前/before: {split.before} → {before}", replace(split, before=before))
        if after >= 0:
            yield Change(f"除外後/after: {split.after} → {after}", replace(split, after=after))
        if dropped >= 0:
            yield Change(f"除外/dropped: {split.dropped} → {dropped}", replace(split, dropped=dropped))
    if split.before and split.after is not None and split.dropped_share is not None:
        share = Fraction(split.before - split.after, split.before)
        text = split.dropped_share.like(share)
        meant_share = replace(split.dropped_share, text=text, value=share)
        change = f"除外割合/dropped share: {split.dropped_share.text} → {text}"
        yield Change(change, replace(split, dropped_share=meant_share))


def _cleansing(split: Split) -> Iterator[Finding]:
    if split.before is None or split.after is None:
        return
    dropped = split.before - split.after
    if dropped < 0 or (split.dropped is not None and split.dropped != dropped):
        stated = "" if split.dropped is None else f"{split.dropped:,}"
        yield Finding(
            "cleansing",
            "dropped",
            stated or "≥ 0",
            f"{dropped:,}",
            f"{split.before:,} から {split.after:,} への差は {dropped:,} です。",
            f"From {split.before:,} to {split.after:,} is a difference of {dropped:,}.",
        )
    if split.before and split.dropped_share and not split.dropped_share.fits(Fraction(dropped, split.before)):
        share = split.dropped_share.like(Fraction(dropped, split.before))
        yield Finding(
            "cleansing",
            "share",
            split.dropped_share.text,
            share,
            f"除外の割合は {share} です。",
            f"The share that was dropped is {share}.",
        )


def _ratio(parts: Sequence[int], ratio: Sequence[int]) -> Iterator[Finding]:
    """Each part may differ by one from its share: rounding may go either way."""
    total = sum(parts)
    far = (abs(Fraction(total * share, sum(ratio)) - part) >= 1 for part, share in zip(parts, ratio, strict=True))
    if any(far):
        expected = " / ".join(f"{part:,}" for part in split_counts(total, ratio))
        found = " / ".join(f"{part:,}" for part in parts)
        said = ":".join(map(str, ratio))
        yield Finding(
            "split-ratio",
            "",
            expected,
            found,
            f"{found} は {said} の分割ではありません。合計 {total:,} なら {expected} です。",
            f"{found} is no {said} split; {total:,} would be {expected}.",
        )
