"""From the provider's site back to ours, in a browser that keeps to the rules of cookies between sites."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import uvicorn
from oidc_provider_mock import User, run_server_in_thread
from playwright.sync_api import Browser

from kaname.access.elsewhere import FILE
from kaname.access.keyfile import write_secret
from kaname.node import open_node
from kaname.settings import Settings
from kaname.web.app import make_app

WAIT_MS = 30_000


def test_the_way_back_ends_in_the_console(tmp_path: Path, chromium: Browser, axe: str) -> None:
    """Another site sends the browser back, and the session's strict cookie is shown from the first page of ours on."""
    person = User(sub="s-1", claims={"groups": ["readers"], "auth_time": int(time.time())})
    listener = socket.create_server(("127.0.0.1", 0))
    here = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with run_server_in_thread(user_claims=[person]) as provider:
        write_secret(tmp_path / "keys" / "oidc-secret", b"any")
        (tmp_path / FILE).write_text(
            f'issuer = "http://localhost:{provider.server_port}"\nclient_id = "kaname"\naddress = "{here}"\n'
            'organisation = "hospital-a"\ntitle = "A 病院"\nsecret_file = "oidc-secret"\n'
            '[[map]]\ngroup = "readers"\nrole = "reader"\nregistry = "j-mid"\n',
            encoding="utf-8",
        )
        node = open_node(Settings(tmp_path, "hub", "hub", second_factor=()))
        server = uvicorn.Server(uvicorn.Config(make_app(node), http="h11", ws="none", lifespan="off", log_config=None))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        window = chromium.new_context()
        window.set_default_timeout(WAIT_MS)
        page = window.new_page()
        page.goto(f"{here}/signin")
        page.evaluate(axe)
        assert page.evaluate("axe.run().then(found => found.violations.map(one => one.id))") == []
        page.get_by_role("link", name="A 病院").click()
        page.wait_for_url("http://localhost:*/**")
        page.get_by_role("button", name="s-1").click()
        page.wait_for_url(f"{here}/")
        assert page.get_by_text("@hospital-a").first.is_visible()
        (session,) = [cookie for cookie in window.cookies() if cookie["name"].startswith("kaname_console")]
        assert (session["sameSite"], session["httpOnly"]) == ("Strict", True)
        assert [cookie for cookie in window.cookies() if cookie["name"].startswith("kaname_elsewhere")] == []
        window.close()
        server.should_exit = True
        thread.join()
        node.index.dispose()
