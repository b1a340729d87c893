"""``/dicomweb``: search (QIDO-RS, PS3.18 section 10.6) and retrieve (WADO-RS, section 10.4).

A token's registries go into every question: what lies outside of them does not exist for it (404, never 403).
Everything is sent as it is stored, in pieces; nothing is decoded, and no study is ever held in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from kaname.access.tokens import Grant
from kaname.archive import query, retrieve
from kaname.errors import Refused
from kaname.ledger import canonical
from kaname.node import Node
from kaname.web.accept import DICOM, MULTIPART, OCTETS, Form, frame_form, instance_form, json_form
from kaname.web.multipart import Part, begun, new_boundary, write_parts
from kaname.web.token import token_checker

PREFIX = "/dicomweb"
STUDY = "/studies/{study}"
SERIES = STUDY + "/series/{series}"
INSTANCE = SERIES + "/instances/{instance}"
