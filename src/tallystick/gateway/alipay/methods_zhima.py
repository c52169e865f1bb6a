"""The credit methods: score, watch list, and holds by score. Each needs the person's consent."""

from __future__ import annotations

from typing import Any, Final

from tallystick.credit.inquiries.model import (
    AskCredit,
    DepositDone,
    DepositFree,
    DepositOperation,
    FreezeByScore,
    Inquired,
    Outcome,
    Purpose,
    ReleaseDeposit,
)
from tallystick.credit.inquiries.views import operations_of
from tallystick.gateway.alipay.calls import (
    Call,
    Failed,
    Method,
    expires_within_ms,
    money,
    success,
    yuan,
)
from tallystick.gateway.alipay.faults import fault
from tallystick.money.china_time import china_time
from tallystick.parties.views import payment_code_index
from tallystick.pipeline.refusals import Refusal

__all__ = ["ZHIMA_METHODS", "deposit_detail", "freeze_by_score", "release_deposit"]

_REFUSED: Final = {
    Outcome.NO_CONSENT: "CREDIT_CONSENT_MISSING",
    Outcome.NO_SCORE: "CREDIT_SCORE_MISSING",
    Outcome.SCORE_LOW: "CREDIT_SCORE_LOW",
}
_MODES: Final = ("POSTPAY", "POSTPAY_UNCERTAIN", "DEPOSIT_ONLY")


def _require(outcome: Outcome) -> None:
    """An inquiry that was not answered is recorded all the same; here it ends the method."""
    if outcome in _REFUSED:
        raise Failed(Refusal(_REFUSED[outcome]))


async def _inquire(call: Call, purpose: Purpose, minimum: int = 0) -> Inquired:
    content = call.content
    if not call.auth_token and not hasattr(content, "cert_no"):
        raise Failed(fault("isv.missing-parameter", "auth_token"))
    named = "" if call.auth_token else (content.cert_no or content.open_id)
    done: Inquired = await call.submit(
        AskCredit(
            app_id=call.app_id,
            purpose=purpose,
            transaction_id=content.transaction_id,
            party_id=named,
            consent_id=call.auth_token,
            minimum=minimum,
        )
    )
    _require(done.outcome)
    return done


async def score(call: Call) -> dict[str, Any]:
    """`zhima.credit.score.get`."""
    done = await _inquire(call, Purpose.SCORE)
    return success(biz_no=done.inquiry_id, zm_score=str(done.score))


async def score_brief(call: Call) -> dict[str, Any]:
    """`zhima.credit.score.brief.get`."""
    done = await _inquire(call, Purpose.SCORE, call.content.admittance_score)
    return success(biz_no=done.inquiry_id, is_admittance="Y" if done.is_admitted else "N")


async def watch_list(call: Call) -> dict[str, Any]:
    """`zhima.credit.watchlistii.get`: whether anything speaks against a person, and what."""
    done = await _inquire(call, Purpose.WATCH_LIST)
    details = [
        {
            "biz_code": "AA" if kind == "written_off" else "AE",
            "type": kind,
            "level": "3" if kind == "block" else "2",
            "refresh_time": china_time(since_ms),
            "settlement": "false",
        }
        for kind, since_ms in done.matches
    ]
    return success(biz_no=done.inquiry_id, details=details) | {"is_matched": bool(done.matches)}


async def watch_list_brief(call: Call) -> dict[str, Any]:
    """`zhima.credit.watchlist.brief.get`: 0 for nothing, 1 for something, 2 for blocked."""
    done = await _inquire(call, Purpose.WATCH_LIST)
    kinds = {kind for kind, _ in done.matches}
    level = 2 if "block" in kinds else 1 if kinds else 0
    return success(biz_no=done.inquiry_id, level=str(level))


async def freeze_by_score(call: Call) -> dict[str, Any]:
    """`alipay.fund.auth.order.freeze` where the score stands in for the money."""
    content = call.content
    if content.deposit_product_mode not in _MODES:
        raise Failed(fault("isv.invalid-parameter", "deposit_product_mode"))
    done: DepositDone = await call.submit(
        FreezeByScore(
            app_id=call.app_id,
            out_order_no=content.out_order_no,
            out_request_no=content.out_request_no,
            amount=money(content.amount, "amount"),
            title=content.order_title,
            payee_id=content.payee_user_id or "",
            payment_code_index=payment_code_index(call.platform.sealer, content.auth_code),
            expires_within_ms=expires_within_ms(content.timeout_express),
        )
    )
    _require(done.outcome)
    return success(
        **_shown(done),
        payer_user_id=done.payer_id,
        payer_logon_id=call.login_of(done.payer_id),
        pre_auth_type="CREDIT_AUTH",
        credit_amount=yuan(done.amount),
        fund_amount=yuan(0),
    )


def _shown(done: DepositDone) -> dict[str, str]:
    return {
        "auth_no": done.hold_id,
        "out_order_no": done.out_order_no,
        "operation_id": done.operation_id,
        "out_request_no": done.out_request_no,
        "amount": yuan(done.amount),
        "status": "SUCCESS",
        "gmt_trans": china_time(done.at_ms),
    }


async def release_deposit(call: Call) -> dict[str, Any]:
    """`alipay.fund.auth.order.unfreeze` of a hold by score."""
    content = call.content
    done: DepositDone = await call.submit(
        ReleaseDeposit(
            app_id=call.app_id,
            hold_id=content.auth_no,
            out_request_no=content.out_request_no,
            amount=money(content.amount, "amount"),
            remark=content.remark,
        )
    )
    return success(**_shown(done), credit_amount=yuan(done.amount), fund_amount=yuan(0))


def _status(hold: DepositFree, operations: list[DepositOperation]) -> str:
    if hold.open_amount:
        return "AUTHORIZED"
    expired = any(one.out_request_no == one.operation_id for one in operations)
    return "CLOSED" if expired else "FINISHED"


def deposit_detail(call: Call, hold: DepositFree) -> dict[str, Any]:
    """`alipay.fund.auth.operation.detail.query` of a hold by score."""
    content = call.content
    operations = operations_of(call.platform.rows, hold)
    wanted = [
        operation
        for operation in operations
        if content.operation_id in (None, operation.operation_id)
        and content.out_request_no in (None, operation.out_request_no)
    ]
    if not wanted:
        raise Failed(Refusal("HOLD_NOT_EXIST", "The authorisation has no such operation."))
    found = wanted[0]
    return success(
        auth_no=hold.hold_id,
        out_order_no=hold.out_order_no,
        order_title=hold.title,
        payer_user_id=hold.payer_id,
        payer_logon_id=call.login_of(hold.payer_id),
        total_freeze_amount=yuan(hold.amount),
        rest_amount=yuan(hold.open_amount),
        total_pay_amount=yuan(sum(one.amount for one in operations if one.kind == "PAY")),
        order_status=_status(hold, operations),
        operation_id=found.operation_id,
        out_request_no=found.out_request_no,
        operation_type=found.kind,
        amount=yuan(found.amount),
        status="SUCCESS",
        remark=found.remark,
        pre_auth_type="CREDIT_AUTH",
        rest_credit_amount=yuan(hold.open_amount),
        rest_fund_amount=yuan(0),
        gmt_create=china_time(hold.created_ms),
        gmt_trans=china_time(found.at_ms),
    )


ZHIMA_METHODS: Final[dict[str, Method]] = {
    "zhima.credit.score.get": score,
    "zhima.credit.score.brief.get": score_brief,
    "zhima.credit.watchlist.brief.get": watch_list_brief,
    "zhima.credit.watchlistii.get": watch_list,
}
