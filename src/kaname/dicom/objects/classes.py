"""Which storage SOP classes are derived from images and may be brought to an archive (PS3.4 section B.5)."""

from __future__ import annotations

from typing import Literal

Kind = Literal["annotations", "presentation", "report", "segmentation", "structures"]

DERIVED: dict[str, Kind] = {
    "1.2.840.10008.5.1.4.1.1.11.1": "presentation",  # Grayscale Softcopy
    "1.2.840.10008.5.1.4.1.1.11.2": "presentation",  # Color Softcopy
    "1.2.840.10008.5.1.4.1.1.11.3": "presentation",  # Pseudo-Color Softcopy
    "1.2.840.10008.5.1.4.1.1.11.4": "presentation",  # Blending Softcopy
    "1.2.840.10008.5.1.4.1.1.66.4": "segmentation",
    "1.2.840.10008.5.1.4.1.1.66.7": "segmentation",  # Label Map
    "1.2.840.10008.5.1.4.1.1.88.22": "report",  # Enhanced
    "1.2.840.10008.5.1.4.1.1.88.33": "report",  # Comprehensive
    "1.2.840.10008.5.1.4.1.1.88.34": "report",  # Comprehensive 3D
    "1.2.840.10008.5.1.4.1.1.91.1": "annotations",  # Microscopy Bulk Simple Annotations
    "1.2.840.10008.5.1.4.1.1.481.3": "structures",  # RT Structure Set
}
"""Classes by UID. Basic Text SR, key objects and encapsulated documents are not among them: they are mostly prose."""
