"""Objects and ranged reads: a folder, or an S3 bucket; the same verbs on both.

Goes in: bytes or a file under a key that names its content. Comes out: all of it, one range, or a stream.
May say: ``Refused("object-missing")``, ``Refused("object-damaged")``, ``NotYet("storage-full")``,
``NotYet("storage-unreachable")``.
"""

from kaname.store.digest import digest_bytes, digest_file
from kaname.store.store import Store

__all__ = ["Store", "digest_bytes", "digest_file"]
