"""Photographs as cameras and departments write them: with all that stands around and in the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

from kaname.testing.pen import Pen
from kaname.testing.plant import Visit
from kaname.testing.sonogram import font
from kaname.testing.write import UTF_8

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

_WHITE = (240, 240, 240)
_MAKE, _MODEL, _ORIENTATION, _DATE, _ARTIST, _COPYRIGHT = 0x010F, 0x0110, 0x0112, 0x0132, 0x013B, 0x8298
_EXIF, _GPS = 0x8769, 0x8825
_TAKEN, _COMMENT, _OWNER, _SERIAL = 0x9003, 0x9286, 0xA430, 0xA431
_LATITUDE, _LONGITUDE = (35.0, 39.0, 29.1572), (139.0, 42.0, 5.7744)


@dataclass(slots=True)
class Camera:
    """A camera of the hospital, and what it writes around a picture."""

    visit: Visit
    orientation: int = 1
    """How the picture is to be turned (EXIF)."""
    pen: Pen = field(default_factory=lambda: Pen(UTF_8))

    def jpeg(self, picture: Picture) -> bytes:
        """JPEG with EXIF (owner, serial number, place, day), XMP, a comment, and bytes behind the end of the image."""
        from PIL import Image

        person, say = self.visit.persona, self.pen.say
        packet = f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{say("".join(person.name.kanji))}</x:xmpmeta>'
        out = BytesIO()
        Image.fromarray(picture).save(
            out,
            "JPEG",
            quality=90,
            exif=self._exif(),
            comment=f"ID {say(person.patient_id)}".encode(),
            xmp=packet.encode(),
        )
        return out.getvalue() + f"MotionPhoto {say(self.visit.accession)}".encode()

    def png(self, picture: Picture) -> bytes:
        """PNG with words about who made it."""
        from PIL import Image
        from PIL.PngImagePlugin import PngInfo

        words, out = PngInfo(), BytesIO()
        words.add_itxt("Author", self.pen.say("".join(self.visit.site.operator.kanji)))
        words.add_text("Title", self.pen.say(self.visit.persona.patient_id))
        Image.fromarray(picture).save(out, "PNG", pnginfo=words)
        return out.getvalue()

    def tiff(self, pictures: Sequence[Picture]) -> bytes:
        """TIFF of several pages, described by name and number."""
        from PIL import Image

        person, out = self.visit.persona, BytesIO()
        first, *others = [Image.fromarray(picture) for picture in pictures]
        tags: dict[int, Any] = {
            270: self.pen.say(f"{' '.join(person.name.romaji)} {person.patient_id}"),
            315: self.pen.say(" ".join(self.visit.site.operator.romaji)),
        }
        first.save(out, "TIFF", save_all=True, append_images=others, tiffinfo=tags)
        return out.getvalue()

    def _exif(self) -> bytes:
        from PIL import Image

        place, say, day = self.visit.site, self.pen.say, f"{self.visit.day:%Y:%m:%d}"
        exif = Image.Exif()
        exif[_MAKE], exif[_MODEL], exif[_ORIENTATION] = "KANATEC", "Derma 3", self.orientation
        exif[_DATE] = f"{day} 10:11:12"
        exif[_ARTIST] = say(" ".join(place.operator.romaji))
        exif[_COPYRIGHT] = say(place.name_en)
        inside = exif.get_ifd(_EXIF)
        inside[_TAKEN] = f"{day} 10:11:12"
        inside[_OWNER], inside[_SERIAL] = say(" ".join(place.referring.romaji)), say(place.device_serial)
        inside[_COMMENT] = b"ASCII\0\0\0" + say(self.visit.persona.patient_id).encode()
        where = exif.get_ifd(_GPS)
        where[1], where[2], where[3], where[4] = "N", _LATITUDE, "E", _LONGITUDE
        return exif.tobytes()


def written_on(
    picture: Picture, lines: Sequence[str], at: tuple[int, int], height: int, colour: tuple[int, int, int] = _WHITE
) -> Picture:
    """The picture with lines of text from a point (column, row) on, so many pixels high."""
    import numpy as np
    from PIL import Image, ImageDraw

    image = Image.fromarray(picture)
    brush = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        brush.text((at[0], at[1] + number * (height + 6)), line, fill=colour, font=font(height))
    return np.asarray(image)
