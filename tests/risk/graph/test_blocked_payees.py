"""Which blocked accounts were paid by the same payers, while accounts are blocked and released."""

from __future__ import annotations

from pathlib import Path
from random import Random

from tallystick.risk.graph.graph import Graph
from tallystick.risk.graph.queries import answer, answer_in
from tallystick.risk.graph.schema import EdgeKindName, VertexKind
from tallystick.risk.graph.snapshot import load_snapshot, save_snapshot
from tallystick.risk.graph.writes import write

_ACCOUNT = VertexKind.ACCOUNT
_WINDOW = {"startTime": 10, "endTime": 90}
ACCOUNTS = range(1, 16)

Transfers = list[tuple[int, int, int]]


def expected(transfers: Transfers, blocked: set[int], account: int) -> list[str]:
    inside = [(payer, payee) for payer, payee, time in transfers if 10 < time < 90]
    payers = {payer for payer, payee in inside if payee == account}
    found = {payee for payer, payee in inside if payer in payers and payee in blocked}
    return [str(other) for other in sorted(found - {account})]


def check(graph: Graph, transfers: Transfers, blocked: set[int], accounts: set[int]) -> None:
    frozen = graph.frozen()
    for account in ACCOUNTS:
        wanted = expected(transfers, blocked, account) if account in accounts else []
        given = {"id": account, **_WINDOW}
        for rows in (answer(graph, "tsr6", given), answer_in(frozen, "tsr6", given)):
            assert [row["dstId"] for row in rows] == wanted, account


def test_it_is_so_after_every_change_and_from_a_snapshot(tmp_path: Path) -> None:
    graph, random = Graph(), Random(5)
    transfers: Transfers = []
    blocked, accounts = {3, 4}, set(ACCOUNTS)
    for account in ACCOUNTS:
        graph.add_vertex(_ACCOUNT, account, 0, blocked=account in blocked)
    for turn in range(150):
        what, one = random.choice(("pay", "pay", "block", "release")), random.choice(ACCOUNTS)
        if one not in accounts:
            continue
        if what == "pay":
            edge = (one, random.choice(sorted(accounts)), random.randrange(100))
            graph.add_edge(EdgeKindName.TRANSFER, *edge, 1.0)
            transfers.append(edge)
        else:
            graph.block(_ACCOUNT, one, blocked=what == "block")
            (blocked.add if what == "block" else blocked.discard)(one)
        if turn in (60, 100):
            write(graph, "tw17", {"accountId": one})
            accounts.remove(one)
            blocked.discard(one)
            transfers = [edge for edge in transfers if one not in edge[:2]]
        check(graph, transfers, blocked, accounts)
    save_snapshot(graph, tmp_path / "graph.npz")
    check(load_snapshot(tmp_path / "graph.npz"), transfers, blocked, accounts)
