from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner

from kaname.access.accounts import add_account
from kaname.access.model import Grant, Part
from kaname.access.sessions import check_session, make_signin, open_session
from kaname.access.tokens import check_token
from kaname.cli import kaname
from kaname.errors import Forbidden, Refused
from kaname.node import open_node
from kaname.settings import Settings, load
from kaname.testing.tokens import make_token
from kaname.upkeep.home import make_home


def run(*arguments: str) -> tuple[int, str]:
    """Exit code and output of the command."""
    done = CliRunner().invoke(kaname, ["user", "signin", *arguments])
    return done.exit_code, done.output


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub's home."""
    folder = tmp_path_factory.mktemp("hub") / "home"
    make_home(Settings(folder, "hub", "society", port=8499, registries=("j-mid",)))
    return folder


def test_the_address_signs_in_once(home: Path) -> None:
    """It leads to this node's console, opens one session with the duties named, and stands in the ledger without it."""
    wanted = ("--name", "doctor", "--registry", "j-mid", "--role", "doctor", "--role", "checker")
    code, output = run(*wanted, "--home", str(home), "--json")
    answer = json.loads(output)
    address = urlsplit(answer["address"])
    (secret,) = parse_qs(address.query)["once"]
    node = open_node(load(home))
    session = open_session(node.index, secret, place="console", clock=node.clock)
    assert (code, answer["minutes"]) == (0, 15)
    assert (address.netloc, address.path) == ("127.0.0.1:8499", "/signin")
    assert session.grant.parts == (Part("checker", "j-mid"), Part("doctor", "j-mid"))
    (event,) = node.ledger.events(action="signin-made")
    assert (event.about, secret in f"{event}") == ("doctor", False)
    with pytest.raises(Forbidden, match="signin-invalid"):
        open_session(node.index, secret, place="console", clock=node.clock)


def test_the_address_may_be_that_of_a_proxy(home: Path) -> None:
    """Where a proxy stands before the console, its address is the one to send."""
    output = run(
        "--name", "x", "--registry", "j-mid", "--role", "doctor", "--at", "https://kaname.example/", "--home", str(home)
    )[1]
    assert "https://kaname.example/signin?once=" in output


@pytest.mark.parametrize(
    "wrong", [("--registry", "nobody", "--role", "doctor"), ("--registry", "j-mid", "--role", "everything"), ()]
)
def test_what_cannot_be_granted_is_refused(home: Path, wrong: tuple[str, ...]) -> None:
    """An unknown registry, an unknown duty, and no registry at all make no sign-in."""
    assert run("--name", "x", *wrong, "--home", str(home))[0] != 0


def test_a_hospital_has_its_own_console(tmp_path: Path) -> None:
    """At a gateway the command makes an address, too."""
    make_home(Settings(tmp_path, "gateway", "facility-1", registries=("j-mid",)))
    assert run("--name", "x", "--registry", "j-mid", "--role", "manager", "--home", str(tmp_path))[0] == 0


def test_a_name_is_revoked_with_all_it_was_given(home: Path) -> None:
    """Its token, its open session and its unused sign-in open nothing any more; others keep theirs."""
    node = open_node(load(home))

    def granted(name: str) -> tuple[str, str, str]:
        grant = Grant.of_person(name, ("j-mid",), ("doctor",))
        token = make_token(node.index, name=name, registries=("j-mid",), days=1, clock=node.clock)
        used, unused = (make_signin(node.index, grant, place="console", clock=node.clock) for _ in range(2))
        return token, open_session(node.index, used, place="console", clock=node.clock).secret, unused

    gone, kept = granted("gone"), granted("kept")
    command = ["user", "revoke", "--name", "gone", "--home", str(home), "--json"]
    assert json.loads(CliRunner().invoke(kaname, command).output) == {"revoked": 3}
    assert isinstance(CliRunner().invoke(kaname, command).exception, Refused)
    assert [event.about for event in node.ledger.events(action="user-revoked")] == ["gone"]
    with pytest.raises(Forbidden, match="token-invalid"):
        check_token(node.index, gone[0], registry=None, clock=node.clock)
    with pytest.raises(Forbidden, match="session-ended"):
        check_session(node.index, gone[1], place="console", clock=node.clock)
    with pytest.raises(Forbidden, match="signin-invalid"):
        open_session(node.index, gone[2], place="console", clock=node.clock)
    assert check_token(node.index, kept[0], registry=None, clock=node.clock).name == "kept"
    assert check_session(node.index, kept[1], place="console", clock=node.clock).grant.name == "kept"


def test_an_account_comes_in_with_its_own_roles(home: Path) -> None:
    """Also when every second factor is lost; to give it others that way is refused, and so is nobody in particular."""
    node = open_node(load(home))
    add_account(node.index, "ueda", (Part("reader", "j-mid"),), None, node.clock)
    answer = json.loads(run("--name", "ueda", "--home", str(home), "--json")[1])
    (secret,) = parse_qs(urlsplit(answer["address"]).query)["once"]
    session = open_session(node.index, secret, place="console", clock=node.clock)
    assert (session.owner, session.grant.parts) == ("ueda", (Part("reader", "j-mid"),))
    assert run("--name", "ueda", "--registry", "j-mid", "--role", "checker", "--home", str(home))[0] == 2
    assert run("--name", "nobody", "--home", str(home))[0] == 2
