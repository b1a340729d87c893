"""Is anybody still recognisable? Independent checks that share nothing with the crossing.

In: a de-identified Part 10 file, or one derived on this side; at the gateway also the forms of the identity that must
be gone. Out: findings, none meaning that the file may pass. Nothing is refused here: whoever asks decides. No finding
ever holds a value.
"""

from kaname.residual.derived import inspect_derived
from kaname.residual.forms import Forms, known_forms
from kaname.residual.inspect import inspect_file
from kaname.residual.model import Finding
from kaname.residual.search import search_bytes, search_file

__all__ = ["Finding", "Forms", "inspect_derived", "inspect_file", "known_forms", "search_bytes", "search_file"]
