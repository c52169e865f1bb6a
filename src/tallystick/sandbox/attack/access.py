"""What the two sides of a story over HTTP have in common: the server leaves it in a file."""

from __future__ import annotations

from typing import Final

import msgspec

__all__ = ["ACCESS", "ADDRESS_HEADER", "MOMENT_HEADER", "SERVER_MODULE", "Access"]

SERVER_MODULE: Final = "tallystick.story_server"
ACCESS: Final = "access.json"
MOMENT_HEADER: Final = "x-story-ms"
ADDRESS_HEADER: Final = "x-story-address"


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """What the story's side must know of the server."""

    api_key: str
    gateway_public: str
