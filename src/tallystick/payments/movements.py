"""Why money moves: the `code` of every transfer that payments post."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Movement"]


class Movement(IntEnum):
    """The transfer codes of payments, with the accounts they run between."""

    TRADE_PAY = 101
    """Buyer's wallet → the trade's escrow."""
    TRADE_SETTLE = 102
    """The trade's escrow → seller's wallet."""
    TRADE_FEE = 103
    """The trade's escrow → fee income."""
    TRADE_SPLIT = 104
    """The trade's escrow or the seller's wallet → a receiver's wallet."""
    TRADE_REFUND = 105
    """The trade's escrow or the seller's wallet → buyer's wallet."""
    FEE_RETURN = 106
    """Fee income → seller's wallet, with a refund after settlement."""
    SPLIT_RETURN = 107
    """A receiver's wallet → seller's wallet, with a refund after settlement."""
    TOP_UP = 201
    """Bank reserve → wallet."""
    WITHDRAW = 202
    """Wallet → bank reserve; pending until the bank answers."""
    WALLET_TRANSFER = 203
    """Wallet → wallet."""
    HOLD = 301
    """Payer's wallet → payee's wallet, pending: money frozen under an authorisation."""
    HOLD_CAPTURE = 302
    """A part of a hold that is paid."""
