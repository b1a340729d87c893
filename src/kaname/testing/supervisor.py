"""Keeps the processes of several sites going: starts them, starts again what dies, stops them all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

READY_SECONDS = 60.0
STOP_SECONDS = 30.0
AGAIN_SECONDS = 0.3
"""Pause before a process that died is started again."""


class SiteDiedError(AssertionError):
    """A site did not open its doors; its error stream is the message."""


@dataclass(slots=True)
class _Site:
    home: Path
    log: Path
    process: subprocess.Popen[bytes] | None = None
    told: dict[str, Any] = field(default_factory=dict[str, Any])
    starts: int = 0


class Supervisor:
    """One ``kaname serve`` process per home. A process that ends unasked is started again, for ever."""

    def __init__(self, homes: Mapping[str, Path], logs: Path) -> None:
        """Nothing is started yet.

        Args:
            homes: Home of each site, by a name of ours.
            logs: Folder for what the sites say on their error streams.
        """
        logs.mkdir(parents=True, exist_ok=True)
        self._sites = {name: _Site(home, logs / f"{name}.log") for name, home in homes.items()}
        self._changed = threading.Condition()
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._keep, args=(site,), daemon=True) for site in self._sites.values()
        ]

    def __enter__(self) -> Self:
        """Starts all sites and waits until their doors are open."""
        with ExitStack() as undo:
            undo.callback(self.stop)
            for thread in self._threads:
                thread.start()
            for name in self._sites:
                self.doors(name)
            undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stops them."""
        self.stop()

    def doors(self, name: str) -> dict[str, Any]:
        """What the site said when its doors were open, e.g. ``{"door": "http://127.0.0.1:8470", …}``; waits for it.

        Raises:
            SiteDiedError: when it does not open in a minute.
        """
        site = self._sites[name]
        with self._changed:
            if not self._changed.wait_for(lambda: bool(site.told), READY_SECONDS):
                raise SiteDiedError(f"{name} is not ready\n{site.log.read_text(errors='replace')[-2000:]}")
            return dict(site.told)

    def kill(self, name: str) -> bool:
        """Kills the site's process with SIGKILL, whatever it is doing; whether there was one."""
        with self._changed:
            process = self._sites[name].process
            if process is None or process.poll() is not None:
                return False
            os.kill(process.pid, signal.SIGKILL)
            return True

    @property
    def starts(self) -> dict[str, int]:
        """How often each site was started."""
        return {name: site.starts for name, site in self._sites.items()}

    def stop(self) -> None:
        """Stops all sites, between two steps of their work; what they leave behind goes on at the next start."""
        with self._changed:
            self._stopping = True
            running = [site.process for site in self._sites.values() if site.process is not None]
            self._changed.notify_all()
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(STOP_SECONDS)

    def _keep(self, site: _Site) -> None:
        while True:
            with self._changed:
                if self._stopping:
                    return
                process = self._start(site)
            self._listen(site, process)
            process.wait()
            with self._changed:
                site.told = {}
                self._changed.wait_for(lambda: self._stopping, AGAIN_SECONDS)

    def _start(self, site: _Site) -> subprocess.Popen[bytes]:
        with site.log.open("ab") as log:
            site.process = subprocess.Popen(
                [sys.executable, "-m", "kaname", "serve", "--supervised", "--home", str(site.home)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops its sites in order
            )
        site.starts += 1
        return site.process

    def _listen(self, site: _Site, process: subprocess.Popen[bytes]) -> None:
        """Takes the line that says where the doors are; returns without one when the process ends first."""
        assert process.stdout is not None
        line = process.stdout.readline()
        if line:
            with self._changed:
                site.told = json.loads(line)
                self._changed.notify_all()
