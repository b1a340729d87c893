"""A new home: settings, keys and index of one node. No password is made up, no default key exists."""

from __future__ import annotations

from kaname.access.certificates import make_authority, self_issue
from kaname.errors import Refused
from kaname.gateway.identity import KEY_FILE, new_home_key
from kaname.node import Node, open_node
from kaname.parcel.enrolment import signing_key
from kaname.settings import FILE, Settings, write


def make_home(settings: Settings) -> Node:
    """Makes the home of a node: keys by role, the settings last, so that a home exists whole or not at all.

    What an attempt that was cut off had made already is used: a key is never made twice.

    Raises:
        Refused: ``home-exists``; nothing of the old home was touched.
    """
    if (settings.home / FILE).exists():
        raise Refused("home-exists")
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.keys.mkdir(mode=0o700, exist_ok=True)
    if settings.role == "gateway":
        if not (settings.keys / KEY_FILE).exists():
            new_home_key(settings.home)
    else:
        if not (settings.keys / "authority.key").exists():
            make_authority(settings.keys, settings.name)
        self_issue(settings.keys, settings.name, sorted({settings.host, "localhost", "127.0.0.1"}))
    signing_key(settings.keys)
    node = open_node(settings)
    write(settings)
    return node
