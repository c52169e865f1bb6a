"""Who calls: an API key in the Authorization header, its scopes, and the app it may be bound to."""

from __future__ import annotations

from typing import Final, NamedTuple

from tallystick.partners.api_keys import api_key_of, caller_of
from tallystick.pipeline.commands import Caller
from tallystick.pipeline.refusals import Refused
from tallystick.store.rows import ReadSession

__all__ = ["SCOPE_MEANINGS", "Identity", "identify"]

_SCHEME: Final = "bearer "

SCOPE_MEANINGS: Final = {
    "payments:read": "See trades, holds and their stories.",
    "payments:write": "Open, pay, ship, confirm, refund and close trades; freeze money.",
    "disputes:resolve": "Decide disputed trades.",
    "wallet:read": "See balances, statements, transfers and bank orders.",
    "wallet:write": "Top up, withdraw and transfer.",
    "credit:read": "See credit products, lines and loans.",
    "credit:write": "Define credit products, grant lines, draw loans, take payments back, waive.",
    "webhooks:read": "See webhook endpoints and their messages.",
    "webhooks:write": "Have events sent to an address, and sent again.",
    "ledger:close": "Close periods of books, and open them again.",
    "reconciliation:read": "See bank statements, proposals and breaks.",
    "reconciliation:write": "Import bank statements, decide proposals, book breaks.",
    "ledger:read": "See accounts, transfers and the trial balance of every book.",
    "ledger:write": "Keep accounts and transfers in books of one's own.",
    "parties:read": "See people and merchants.",
    "parties:write": "Register and block people and merchants.",
    "parties:codes": "Issue payment codes (in the sandbox).",
    "parties:challenge": "Ask people to prove themselves.",
    "apps:read": "See apps, their keys, and API keys.",
    "apps:write": "Open apps, change their keys, issue and revoke API keys.",
    "notifications:read": "See notifications and every attempt to deliver them.",
    "notifications:write": "Have notifications sent again.",
    "risk:read": "Ask the fraud graph; see rules, decisions, reviews and cases.",
    "risk:write": "Add to the fraud graph; write and publish rules, features, models and lists.",
    "blacklist:read": "See the shared blacklist's heads, proofs, entries and set.",
    "blacklist:write": "Publish to the shared blacklist, confirm, ask it, cosign its heads.",
    "blacklist:subject": "Tell people what is said of them, and dispute it for them.",
    "blacklist:keep": "Open the shared blacklist, admit members, decide disputes.",
    "blacklist:audit": "Read every leaf of the shared blacklist's log.",
    "institution:read": "An institution's key: see its own loans, quotas and files.",
    "institution:write": "An institution's key: send its reports back.",
    "risk:review": "Release and reject held commands, label decisions, keep cases.",
}
"""Every scope that an API key can have."""


class Identity(NamedTuple):
    """An API key that was shown.

    A key that is bound to an app acts as that app: the products then let it touch only what
    is the app's.
    """

    key_id: str
    app_id: str
    caller: Caller
    institution_id: str = ""

    def institution(self) -> str:
        """The institution whose key this is.

        Raises:
            Refused: NOT_PERMITTED when it is no institution's.
        """
        if not self.institution_id:
            raise Refused("NOT_PERMITTED", "This needs an institution's own key.")
        return self.institution_id

    def may(self, scope: str) -> bool:
        """Whether the key has a scope; who may write may also see."""
        noun, _, verb = scope.partition(":")
        wanted = {scope, "*"} | ({f"{noun}:write"} if verb == "read" else set())
        return bool(wanted & self.caller.scopes)

    def require(self, scope: str) -> None:
        """See that the key has a scope.

        Raises:
            Refused: NOT_PERMITTED.
        """
        if not self.may(scope):
            raise Refused("NOT_PERMITTED", f"This needs a key with the scope {scope}.")

    def app(self, named: str) -> str:
        """The app that a request is for: the key's own, or the one it names.

        Raises:
            Refused: NOT_PERMITTED for another app than the key's; INVALID_PARAMETER when
                nobody says which app.
        """
        if self.app_id and named not in ("", self.app_id):
            raise Refused("NOT_PERMITTED", "This key is bound to another app.")
        app_id = self.app_id or named
        if not app_id:
            raise Refused("INVALID_PARAMETER", "app_id: a key without an app must name one.")
        return app_id

    def sees(self, app_id: str) -> bool:
        """Whether what belongs to an app is visible to the key."""
        return self.app_id in ("", app_id)


def identify(rows: ReadSession, authorization: str) -> Identity:
    """The identity that an Authorization header proves.

    Raises:
        Refused: API_KEY_INVALID when there is none, or it is unknown or revoked.
    """
    if authorization[: len(_SCHEME)].lower() != _SCHEME:
        raise Refused("API_KEY_INVALID", "Send the header Authorization: Bearer tsk_…")
    key = api_key_of(rows, authorization[len(_SCHEME) :].strip())
    if key is None:
        raise Refused("API_KEY_INVALID")
    return Identity(key.key_id, key.app_id, caller_of(key), key.institution_id)
