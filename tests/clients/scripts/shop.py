"""What both Python clients' scripts share: the order they place and the calls outside the SDK."""

from __future__ import annotations

import json
import sys
import urllib.request
from typing import Any

SUBJECT = '一件商品 & "quoted" {braces} 100%'


def config() -> dict[str, Any]:
    """The run's configuration, one JSON object on standard input."""
    return json.load(sys.stdin)


def show(result: dict[str, Any]) -> None:
    """Print the run's result, one JSON object."""
    print(json.dumps(result, ensure_ascii=False))


def order(settings: dict[str, Any]) -> dict[str, Any]:
    """An escrow order of 100.00."""
    return {
        "out_trade_no": settings["out_trade_no"],
        "total_amount": "100.00",
        "subject": SUBJECT,
        "sub_merchant": {"merchant_id": settings["merchant_id"]},
        "settle_info": settlement(),
    }


def settlement() -> dict[str, Any]:
    """All of it to the seller."""
    return {"settle_detail_infos": [{"trans_in_type": "defaultSettle", "amount": "100.00"}]}


def ship(settings: dict[str, Any], trade_no: str) -> dict[str, Any]:
    """Tell the platform that the goods are on their way; the SDK's protocol has no such call."""
    request = urllib.request.Request(
        f"{settings['rest_base']}/v1/trades/{trade_no}/ship",
        data=b"{}",
        method="POST",
        headers={
            "authorization": f"Bearer {settings['rest_key']}",
            "content-type": "application/json",
            "idempotency-key": f"ship-{settings['out_trade_no']}",
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return {"status": answer.status, "body": json.loads(answer.read())}
