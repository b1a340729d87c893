"""Writes text as one hospital's machines do, and remembers every word of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from kaname.testing.personas import Name
from kaname.testing.write import Charset

_STANDARD_FORMS = str.maketrans("髙﨑鷗", "高崎鴎")


def folded(text: str) -> str:
    """The text as systems write it that know JIS X 0208 alone: 髙橋 becomes 高橋."""
    return text.translate(_STANDARD_FORMS)


@dataclass(slots=True)
class Pen:
    """Picks what the character set can hold and keeps what was said."""

    charset: Charset
    said: set[str] = field(default_factory=set[str])

    def say(self, *choices: str) -> str:
        """The first of the choices that can be written, in standard forms where it must be. Remembered.

        Raises:
            ValueError: when not one of them can be written.
        """
        for choice in choices:
            for text in (choice, folded(choice)):
                if self.charset.fits(text):
                    self.said.add(text)
                    return text
        raise ValueError(self.charset.name)

    def name(self, name: Name) -> str:
        """A full name in running text, in the best script that can be written."""
        return self.say("".join(name.kanji), " ".join(name.half_kana), f"{name.romaji[1]} {name.romaji[0]}")

    def pn(self, name: Name) -> str:
        """A PN value with as many component groups as can be written."""
        romaji, kana = "^".join(name.romaji), "^".join(name.half_kana)
        return self.say(name.pn(3), f"{romaji}==" + name.pn(3).split("=")[2], f"{romaji}=={kana}", romaji)

    def known(self, candidates: Iterable[str]) -> tuple[str, ...]:
        """Those of the candidates, or of their standard forms, that were really said."""
        text = "\n".join(sorted(self.said))
        forms = {form for c in candidates for form in (c, folded(c))}
        return tuple(sorted(form for form in forms if form in text))
