"""Are there at least as many images as cases?"""

from __future__ import annotations

from collections.abc import Iterator

from kaname.evaluation.model import Declared, Finding


def findings(declared: Declared) -> Iterator[Finding]:
    """A finding for the whole, for each class, and for class images that do not sum to the images."""
    cases = declared.n if declared.cases is None else declared.cases
    if declared.images is not None and cases is not None and declared.images < cases:
        yield _fewer("", declared.images, cases)
    images = dict(declared.class_images)
    for name, count in declared.class_counts:
        if name in images and images[name] < count:
            yield _fewer(f"{name}: ", images[name], count)
    total = sum(images.values())
    if declared.images is not None and images and total != declared.images:
        yield Finding(
            "class-images-sum",
            "",
            declared.images,
            total,
            f"クラス別の画像数の合計 {total:,} が、画像の総数 {declared.images:,} と一致しません。",
            f"The class images sum to {total:,}, not to the declared {declared.images:,}.",
        )


def _fewer(name: str, images: int, cases: int) -> Finding:
    return Finding(
        "images-cases",
        name,
        f"≥ {cases:,}",
        images,
        f"{name}画像 {images:,} 枚が症例 {cases:,} 例より少なくなっています。",
        f"{name}{images:,} images are fewer than {cases:,} cases.",
    )
