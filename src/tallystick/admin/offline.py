"""Commands from the command line, through the pipeline, while no server owns the data folder."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from tallystick.pipeline.commands import COMMAND_LINE, Command, Reply, Request
from tallystick.pipeline.refusals import Refused
from tallystick.platform import Platform
from tallystick.settings import Settings

__all__ = ["carry_out", "offline"]

R = TypeVar("R", bound=Reply)


@contextmanager
def offline(settings: Settings) -> Iterator[Platform]:
    """A platform that takes commands, without timers, notifications and banks.

    Raises:
        StoreError: a server runs on the folder, or it cannot be used.
    """
    platform = Platform.open(settings)
    try:
        platform.executor.start()
        yield platform
    finally:
        platform.executor.stop()
        platform.close()


def carry_out(platform: Platform, command: Command) -> Reply:
    """Have a command run and wait until it is durable.

    Raises:
        Refused: what the pipeline refused.
    """
    request = Request(COMMAND_LINE, secrets.token_hex(16), command, remembered=False)
    answer = platform.executor.submit_and_wait(request)
    if answer.refusal is not None:
        raise Refused(*answer.refusal)
    assert answer.reply is not None
    return answer.reply
