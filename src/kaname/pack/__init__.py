"""The unit of storage: the instances of a series in one USTAR file, with an index to every frame (docs/spec/pack.md).

Goes in: de-identified Part 10 files of one series. Comes out: a :class:`PackFile` named by its digest, and its
:class:`SeriesIndex`, which turns an instance or a frame into one ranged read.
May say: ``Refused("pack-invalid")``, ``Refused("no-frames")``, ``Refused("frame-out-of-range")``,
``Refused("not-found")``, ``Refused("object-damaged")``, ``NotYet("storage-full")``.
"""

from kaname.pack.index import index_pack
from kaname.pack.model import FrameRef, Member, PackFile, SeriesIndex, pack_key
from kaname.pack.read import read_members
from kaname.pack.write import write_pack

__all__ = ["FrameRef", "Member", "PackFile", "SeriesIndex", "index_pack", "pack_key", "read_members", "write_pack"]
