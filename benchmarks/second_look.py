"""The checks behind the crossing and on arrival, in one run: milliseconds per object, beside the engine itself.

    python benchmarks/second_look.py [--objects 200] [--rounds 5]

Objects: CT slices of 525 KB as in ``deid_header.py``, de-identified. Methods: ``engine`` (the crossing itself, for
scale), ``search`` (:func:`kaname.residual.search.search_file`, for one patient and four other people), ``inspect``
(:func:`kaname.residual.inspect.inspect_file`), ``hash`` (read and SHA-256: what a look at every byte costs). Medians.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from deid_header import KEY, make_corpus
from kaname.deid.engine import Engine
from kaname.deid.identified import open_identified
from kaname.registries import load
from kaname.residual.forms import known_forms
from kaname.residual.inspect import inspect_file
from kaname.residual.search import search_file

FORMS = known_forms(
    {
        "name": ["Yamada^Taro=山田^太郎=やまだ^たろう"],
        "id": ["00123456"],
        "date": ["19501231"],
        "accession": ["A1234567"],
        "institution": ["東京架空病院"],
        "person": ["Kimura^Ichiro", "Sato^Hanako", "Suzuki^Jiro", "Tanaka^Saburo"],
    }
)


def milliseconds(look: Callable[[Path], object], files: list[Path]) -> float:
    """Mean over the files."""
    began = time.perf_counter()
    for file in files:
        look(file)
    return 1000 * (time.perf_counter() - began) / len(files)


def main() -> None:
    """Prints one line per method."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--objects", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as place:
        corpus = Path(place) / "corpus"
        corpus.mkdir()
        make_corpus(corpus, options.objects)
        engine = Engine(load("j-mid"), KEY.for_registry("j-mid"), "bench")
        rounds = iter(range(options.rounds + 2))

        def cross(files: list[Path]) -> list[Path]:
            out, made = Path(place) / f"out{next(rounds)}", []
            for file in files:
                with open_identified(file) as identified:
                    made.append(engine.cross(identified, out).path)
            return made

        originals = sorted(corpus.iterdir())
        clean = cross(originals)
        looks: dict[str, Callable[[], float]] = {
            "engine": lambda: _crossing(cross, originals),
            "search": lambda: milliseconds(lambda f: search_file(f, FORMS), clean),
            "inspect": lambda: milliseconds(lambda f: inspect_file(f.read_bytes()), clean),
            "hash": lambda: milliseconds(lambda f: hashlib.sha256(f.read_bytes()).digest(), clean),
        }
        found = {name: [look() for _ in range(options.rounds)] for name, look in looks.items()}
    print(f"{options.objects} CT of 525 KB, {options.rounds} rounds, medians")
    for name, times in found.items():
        print(f"{name:8} {statistics.median(times):6.2f} ms an object  ({min(times):.2f}–{max(times):.2f})")


def _crossing(cross: Callable[[list[Path]], list[Path]], files: list[Path]) -> float:
    began = time.perf_counter()
    cross(files)
    return 1000 * (time.perf_counter() - began) / len(files)


if __name__ == "__main__":
    main()
