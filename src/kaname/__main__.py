"""``python -m kaname``: the same as ``kaname``."""

from kaname.cli import main

main()
