"""A list that is kept: a real store and executor, members with keys, and what they ask."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from tests.platform_parts import START_MS, Parts
from tests.stores import database_for

from tallystick.pipeline.commands import SYSTEM, Caller, CallerKind, Registry
from tallystick.risk.blacklist import service
from tallystick.risk.blacklist.keeping import ListKeeping, new_list
from tallystick.risk.blacklist.model import AdmitMember, AskList, EntryDone, PublishEntry
from tallystick.risk.blacklist.protocol.identifiers import IdentifierKind, input_of
from tallystick.risk.blacklist.protocol.listed import Finding
from tallystick.risk.blacklist.protocol.oprf import Asker
from tallystick.risk.blacklist.views import list_key

__all__ = ["DAY_MS", "EVIDENCE", "PHONE", "KeptList", "member_caller"]

DAY_MS = 86_400_000
EVIDENCE = hashlib.sha256(b"the papers").digest()
PHONE = "13800138000"

_SCOPES = frozenset({"blacklist:write", "blacklist:read", "blacklist:subject"})


def member_caller(name: str) -> Caller:
    """A member, as its API key is."""
    return Caller(CallerKind.KEY, f"key-{name}", _SCOPES)


class KeptList(Parts):
    """The parts of a platform with the list open, and two members: alpha and beta."""

    def __init__(self, folder: Path) -> None:
        registry = Registry()
        service.register(registry)
        super().__init__(database_for(folder), registry)
        self.keeping = ListKeeping(self.sealer)
        self.keeping.register(registry)
        self.accept(new_list("list.example/test", self.sealer))
        for name in ("alpha", "beta"):
            self.admit(name)

    def admit(self, name: str, **terms: Any) -> None:
        """Let a member take part."""
        defaults: dict[str, Any] = {"quota": 5000, "per_minute": 2000}
        self.accept(
            AdmitMember(member_id=name, name=name, key_id=f"key-{name}", **(defaults | terms))
        )

    def pad_key(self, text: str, kind: IdentifierKind = IdentifierKind.PHONE) -> bytes:
        """An identifier's pad key, as the keeper computes it."""
        return self.keeping.pad_key(self.rows, kind, text)

    def claim(self, text: str = PHONE, **changed: Any) -> PublishEntry:
        """The command that lists a phone number."""
        terms: dict[str, Any] = {
            "kind": IdentifierKind.PHONE, "pad_key": self.pad_key(text), "severity": 2,
            "reason": "telecom_fraud", "evidence": EVIDENCE, "until_ms": START_MS + 90 * DAY_MS,
        }  # fmt: skip
        return PublishEntry(**(terms | changed))

    def publish(self, text: str = PHONE, by: str = "alpha", **changed: Any) -> EntryDone:
        """Have a member list a phone number."""
        done = self.accept(self.claim(text, **changed), member_caller(by))
        assert isinstance(done, EntryDone)
        return done

    def ask(self, *texts: str, by: str = "beta") -> list[Finding | None]:
        """Ask about phone numbers as a member does: blind, pay, take the blind off, look."""
        asker = Asker(list_key(self.rows).public)
        asked = [asker.blind(input_of(IdentifierKind.PHONE, text)) for text in texts]
        evaluation = self.keeping.evaluate(self.rows, [each.element for each in asked])
        reply = self.accept(
            AskList(elements=evaluation.elements, proof=evaluation.proof), member_caller(by)
        )
        outputs = asker.finish(asked, evaluation._replace(elements=reply.elements))
        content = self.keeping.published(self.rows).content
        many = content.find_many(outputs)
        found = [content.find(output) for output in outputs]
        assert [many.get(at) for at in range(len(texts))] == found
        return found

    def quota(self, member_id: str) -> int:
        """What a member may still ask."""
        row = self.rows.connection.execute(
            "SELECT quota FROM blacklist_member WHERE member_id = ?", (member_id,)
        ).fetchone()
        return int(row[0])

    def system(self, command: Any) -> Any:
        """The reply to what the platform asks itself."""
        return self.accept(command, SYSTEM)
