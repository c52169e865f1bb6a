"""A process that closes a day: `python -m tests.credit.days.closer DATABASE DAY SIZE`.

It says each shard when it is durable, and can be killed at any time.
"""

from __future__ import annotations

import sys
from datetime import date, timedelta
from pathlib import Path

from tallystick.credit.loans import service as loans
from tallystick.credit.loans.model import CloseCreditDay, CreditDayClosed
from tallystick.credit.loans.timing import collect_ms
from tallystick.parties import service as parties
from tallystick.pipeline.commands import SYSTEM, Registry, Request
from tallystick.pipeline.executor import Executor
from tallystick.store.engine import connect


def main(database: str, day: str, size: str) -> None:
    """Close the day, a shard a transaction."""
    registry = Registry()
    parties.register(registry)
    loans.register(registry)
    now_ms = collect_ms(date.fromisoformat(day) + timedelta(days=1), 1)
    executor = Executor(connect(Path(database)), registry, clock_ms=lambda: now_ms)
    executor.start()
    after = ""
    while True:
        command = CloseCreditDay(day=day, after_loan_id=after, size=int(size))
        answer = executor.submit_and_wait(Request.once(SYSTEM, command))
        assert isinstance(answer.reply, CreditDayClosed), answer
        after = answer.reply.after_loan_id
        print(after or "done", flush=True)
        if not after:
            break
    executor.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
