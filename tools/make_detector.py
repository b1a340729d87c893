"""Puts the text detection models into the package: ``src/kaname/inference/models``.

    .venv/bin/python tools/make_detector.py

They come out of the RapidOCR wheel (Apache-2.0), by name and version from the package index and by SHA-256 from here.
Its code is not installed: it asks for an OpenCV build of 150 MB, and two networks and their settings are all that
Kaname needs of it. Files that are there already and match are left alone.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from hashlib import sha256
from pathlib import Path

WHEEL = "rapidocr==3.10.0"
TARGET = Path(__file__).parent.parent / "src" / "kaname" / "inference" / "models"
MODELS = {
    "PP-OCRv6_det_small.onnx": "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    "PP-OCRv6_rec_small.onnx": "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
}


def main() -> int:
    """Makes the folder; 1 when the wheel holds other bytes."""
    if all(_is(TARGET / name, digest) for name, digest in MODELS.items()):
        return 0
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*command, "--dest", folder, WHEEL], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for name, digest in MODELS.items():
                data = archive.read(f"rapidocr/models/{name}")
                if sha256(data).hexdigest() != digest:
                    print(f"{name}: other bytes than expected", file=sys.stderr)
                    return 1
                (TARGET / name).write_bytes(data)
    print(f"{TARGET}: {len(MODELS)} models")
    return 0


def _is(path: Path, digest: str) -> bool:
    return path.is_file() and sha256(path.read_bytes()).hexdigest() == digest


if __name__ == "__main__":
    sys.exit(main())
