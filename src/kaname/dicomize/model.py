"""What kinds of foreign files there are."""

from __future__ import annotations

from typing import Literal

Kind = Literal["photo", "video", "slide", "volume", "document", "vendor", ""]
"""A picture; a clip; a pyramid of tiles; pages of equal size; a PDF; a format of one maker that is not read yet; none
of these (DICOM, tables, anything else)."""
