from email import message_from_bytes
from email.policy import HTTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.errors import Refused
from kaname.web.multipart import Part, begun, new_boundary, write_parts


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=4))
def test_what_is_written_is_what_a_mail_parser_reads(contents: list[bytes]) -> None:
    """Python's own MIME parser finds the same parts, byte for byte."""
    boundary = new_boundary()
    parts = [Part("application/octet-stream", f"/{n}", (c[:3], c[3:])) for n, c in enumerate(contents)]
    body = b"".join(write_parts(parts, boundary))
    head = f'Content-Type: multipart/related; boundary="{boundary}"\r\n\r\n'.encode()
    read = message_from_bytes(head + body, policy=HTTP)
    if not any(b"\r" in c or b"\n" in c for c in contents):  # the mail parser rewrites line ends
        assert [p.get_payload(decode=True) for p in read.iter_parts()] == contents
    assert body.count(boundary.encode()) == len(contents) + 1
    assert all(c in body for c in contents)


def test_nothing_is_taken_before_it_is_sent() -> None:
    """Parts are opened one after the other, as the body is read."""
    opened: list[int] = []

    def part(number: int) -> Part:
        opened.append(number)
        return Part("a/b", "/", (b"x",))

    body = write_parts((part(n) for n in range(3)), "b")
    next(body)
    assert opened == [0]


def test_an_error_before_the_first_piece_comes_before_the_answer() -> None:
    """What fails at once fails while a status can still be chosen."""

    def pieces():  # noqa: ANN202
        raise Refused("object-missing")
        yield b""

    with pytest.raises(Refused):
        begun(pieces())
    assert b"".join(begun([b"a", b"b"])) == b"ab"
    assert b"".join(begun([])) == b""
