"""A full disk refuses commands and loses nothing; with room again, everything goes on."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.faults.load import Load, server_on
from tests.server_process import ServerProcess

pytestmark = pytest.mark.embedded_store

BUSY = {"aop.ACQ.SYSTEM_ERROR", "STORE_UNAVAILABLE"}
DISK_BYTES = 64 * 1024 * 1024


class Disk(NamedTuple):
    """A place for data folders that can be made full, and given room again."""

    folder: Path
    fill: Callable[[ServerProcess], None]
    free: Callable[[ServerProcess], None]


def _limit(server: ServerProcess, size: int) -> None:
    assert server.process is not None
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, hard))


@contextmanager
def limited_files(folder: Path) -> Iterator[Disk]:
    """No file may grow beyond what the log has now."""

    def fill(server: ServerProcess) -> None:
        _limit(server, (server.data / "tallystick.db-wal").stat().st_size)

    yield Disk(folder, fill, lambda server: _limit(server, resource.RLIM_INFINITY))


@contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """A file system of its own, in memory."""
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)], check=True
    )
    ballast = folder / "ballast"

    def fill(server: ServerProcess) -> None:
        with ballast.open("wb") as file:
            file.truncate()
            chunk = bytes(4096)
            try:
                while True:
                    os.write(file.fileno(), chunk)
            except OSError:
                return

    try:
        yield Disk(folder, fill, lambda server: ballast.unlink())
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _may_mount() -> bool:
    if os.geteuid() != 0:
        return False
    probe = ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    try:
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


DISKS = [limited_files, *([small_disk] if _may_mount() else [])]


async def until_refused(load: Load) -> None:
    """Wait until clients are told to try again."""
    while not BUSY & set(load.market.meter.errors):
        assert not load.task.done()
        await asyncio.sleep(0.05)


def ready(server: ServerProcess) -> bool:
    """Whether the server says that it takes commands."""
    try:
        with urllib.request.urlopen(f"{server.base_url}/readyz", timeout=60) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return False


async def filled_and_freed(server: ServerProcess, disk: Disk) -> None:
    load = Load.begin(server, random.Random(11))
    try:
        while len(load.market.history.calls) < 60:
            await asyncio.sleep(0.05)
        disk.fill(server)
        async with asyncio.timeout(600):
            await until_refused(load)
        async with asyncio.timeout(600):  # A small write may fit where a large one did not.
            while await asyncio.to_thread(ready, server):
                await asyncio.sleep(0.1)
        answered = sum(call.accepted is not None for call in load.market.history.calls)
        disk.free(server)
        async with asyncio.timeout(600):
            await load.end()
        assert await load.prove() == []
        assert len(load.market.history.calls) >= answered
        assert await asyncio.to_thread(ready, server)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        assert await load.prove() == []
    finally:
        await load.market.close()


@pytest.mark.parametrize("kind", DISKS)
def test_a_full_disk_refuses_and_loses_nothing(
    tmp_path: Path, kind: Callable[[Path], Iterator[Disk]]
) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    with kind(folder) as disk:  # type: ignore[attr-defined]
        server = server_on(folder / "data").start()
        try:
            asyncio.run(filled_and_freed(server, disk))
        finally:
            server.kill()
