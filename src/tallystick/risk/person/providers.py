"""Who is asked outside: the one that sends codes, and the one that knows documents and faces.

The sandbox's ones stand in where nothing is real. They are as deterministic as a test needs:
what they answer follows from what they are given.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

__all__ = [
    "DocumentVerdict", "FaceVerdict", "IdentityProvider", "MessageChannel", "MessageProvider",
    "SandboxIdentity", "SandboxMessages",
]  # fmt: skip


class DocumentVerdict(StrEnum):
    """What an issuer says of a name and a number."""

    MATCHES = "matches"
    MISMATCH = "mismatch"
    UNAVAILABLE = "unavailable"


class FaceVerdict(StrEnum):
    """What a face service says of a photo beside a document's."""

    MATCHES = "matches"
    MISMATCH = "mismatch"
    NOT_ALIVE = "not_alive"
    """A picture of a picture, or of a screen."""
    UNAVAILABLE = "unavailable"


class MessageChannel(StrEnum):
    """By which way a message goes: to a phone, into the wallet, or as a letter."""

    SMS = "sms"
    APP = "app"
    LETTER = "letter"


class MessageProvider(Protocol):
    """Sends messages to people, whoever of ours has something to say: codes, warnings, reminders.

    Both calls may block; they are made on worker threads.
    """

    def send(self, to: str, text: str, channel: MessageChannel = MessageChannel.SMS, /) -> None:
        """Send a text: by SMS to a number in E.164, otherwise to who has this login name.

        Raises:
            OSError: it cannot be sent now.
        """
        ...

    def sim_changed_ms(self, phone: str) -> int:
        """When the number's SIM was last changed, ms since 1970 UTC; 0 for unknown or long ago."""
        ...


class IdentityProvider(Protocol):
    """Knows documents and faces. Both calls may block; they are made on worker threads."""

    def check_document(self, name: str, number: str) -> DocumentVerdict:
        """Whether the number is a document of somebody with this name."""
        ...

    def match_face(self, number: str, photo: bytes) -> FaceVerdict:
        """Whether the photo shows, alive, whom the document shows."""
        ...


class SandboxMessages:
    """Writes messages into a file of the data folder, readable by its owner alone.

    Numbers that end in 0000 had their SIM changed a minute ago. To an address that begins with
    `unreachable`, and to numbers that end in 9999, nothing can be sent.
    """

    def __init__(self, path: Path, clock_ms: Callable[[], int]) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._clock_ms = clock_ms

    def send(self, to: str, text: str, channel: MessageChannel = MessageChannel.SMS, /) -> None:
        """Append the message as a line of JSON."""
        if to.startswith("unreachable") or to.endswith("9999"):
            raise OSError("unreachable")
        said = {"channel": channel.value, "to": to, "text": text}
        line = json.dumps(said, ensure_ascii=False) + "\n"
        with self._lock:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "a", encoding="utf-8") as file:
                file.write(line)

    def sim_changed_ms(self, phone: str) -> int:
        """A minute ago for numbers that end in 0000."""
        if not phone.endswith("0000"):
            return 0
        return self._clock_ms() - 60_000


_PICTURES: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")


class SandboxIdentity:
    """Believes every name, but for numbers whose three digits before the last are 000.

    A photo that holds the words `another person` or `a screen` is that; any other JPEG or PNG is
    the person's.
    """

    def check_document(self, name: str, number: str) -> DocumentVerdict:
        """By the digits of the sequence."""
        wrong = not name or number[14:17] == "000"
        return DocumentVerdict.MISMATCH if wrong else DocumentVerdict.MATCHES

    def match_face(self, number: str, photo: bytes) -> FaceVerdict:
        """By the words in the file."""
        if not photo.startswith(_PICTURES) or b"another person" in photo:
            return FaceVerdict.MISMATCH
        return FaceVerdict.NOT_ALIVE if b"a screen" in photo else FaceVerdict.MATCHES
