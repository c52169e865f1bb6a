"""The writes and read-writes of the specification once more, on the plain graph."""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from tests.risk.graph.plain_graph import ENDS, PlainGraph, Reader, plain_rows

__all__ = ["incremental", "plain_write", "some_writes"]

OF_ACCOUNT = (
    "AccountTransferAccount",
    "AccountWithdrawAccount",
    "AccountRepayLoan",
    "LoanDepositAccount",
    "MediumSignInAccount",
    "PersonOwnAccount",
    "CompanyOwnAccount",
)
EDGES = {
    "tw8": ("PersonInvestCompany", "personId", "companyId", "ratio"),
    "tw9": ("CompanyInvestCompany", "companyId1", "companyId2", "ratio"),
    "tw10": ("PersonGuaranteePerson", "personId1", "personId2", None),
    "tw11": ("CompanyGuaranteeCompany", "companyId1", "companyId2", None),
    "tw12": ("AccountTransferAccount", "accountId1", "accountId2", "amount"),
    "tw13": ("AccountWithdrawAccount", "accountId1", "accountId2", "amount"),
    "tw14": ("AccountRepayLoan", "accountId", "loanId", "amount"),
    "tw15": ("LoanDepositAccount", "loanId", "accountId", "amount"),
    "tw16": ("MediumSignInAccount", "mediumId", "accountId", None),
}
NAMED = {"tw1": ("Person", "personName"), "tw2": ("Company", "companyName"),
         "tw3": ("Medium", "mediumType")}  # fmt: skip
OWNED = {
    "tw4": ("Person", "Account", "PersonOwnAccount"),
    "tw5": ("Company", "Account", "CompanyOwnAccount"),
    "tw6": ("Person", "Loan", "PersonApplyLoan"),
    "tw7": ("Company", "Loan", "CompanyApplyLoan"),
}


def plain_write(graph: PlainGraph, name: str, given: dict[str, Any]) -> str:
    """Do it; `done`, or why not."""
    if name in NAMED:
        kind, label = NAMED[name]
        return _add(graph, kind, given, given[label], given["isBlocked"] == "true")
    if name in OWNED:
        return _add_owned(graph, name, given)
    if name in EDGES:
        kind, source, target, value = EDGES[name]
        ends = int(given[source]), int(given[target])
        if not _there(graph, kind, *ends):
            return "unknown_vertex"
        graph.add_edge(kind, *ends, int(given["time"]), float(given[value]) if value else 0.0)
        return "done"
    if name.startswith("trw"):
        return _read_write(graph, name, given)
    kind = "Person" if name == "tw19" else "Account"
    vertex = int(given[f"{kind.lower()}Id"])
    if vertex not in graph.vertices[kind]:
        return "unknown_vertex"
    if name == "tw17":
        _remove(graph, vertex)
    else:
        graph.vertices[kind][vertex]["blocked"] = True
    return "done"


def _there(graph: PlainGraph, kind: str, source: int, target: int) -> bool:
    return source in graph.vertices[ENDS[kind][0]] and target in graph.vertices[ENDS[kind][1]]


def _add(graph: PlainGraph, kind: str, given: dict[str, Any], label: str, blocked: bool) -> str:
    vertex = int(given[f"{kind.lower()}Id"])
    if vertex in graph.vertices[kind]:
        return "vertex_exists"
    graph.vertices[kind][vertex] = {
        "created": int(given.get("time", -1)),
        "blocked": blocked,
        "label": label,
        "amount": float(given.get("loanAmount", 0)),
        "balance": float(given.get("balance", 0)),
    }
    return "done"


def _add_owned(graph: PlainGraph, name: str, given: dict[str, Any]) -> str:
    owner_kind, kind, edge = OWNED[name]
    owner = int(given[f"{owner_kind.lower()}Id"])
    if owner not in graph.vertices[owner_kind]:
        return "unknown_vertex"
    blocked = given.get("accountBlocked") == "true"
    outcome = _add(graph, kind, given, given.get("accountType", ""), blocked)
    if outcome == "done":
        graph.add_edge(edge, owner, int(given[f"{kind.lower()}Id"]), int(given["time"]))
    return outcome


def _remove(graph: PlainGraph, account: int) -> None:
    loans = {e.source for e in graph.of("LoanDepositAccount", "target", account)}
    loans |= {e.target for e in graph.of("AccountRepayLoan", "source", account)}

    def gone(kind: str, edge: Any) -> bool:
        source, target = ENDS[kind][:2]
        return any(
            (end_kind == "Account" and end == account) or (end_kind == "Loan" and end in loans)
            for end_kind, end in ((source, edge.source), (target, edge.target))
        )

    graph.drop_edges(gone)
    del graph.vertices["Account"][account]
    for loan in loans:
        del graph.vertices["Loan"][loan]


def _read_write(graph: PlainGraph, name: str, given: dict[str, Any]) -> str:
    kind = "Person" if name == "trw3" else "Account"
    edge_kind = "PersonGuaranteePerson" if name == "trw3" else "AccountTransferAccount"
    ends = int(given["srcId"]), int(given["dstId"])
    if not all(end in graph.vertices[kind] for end in ends):
        return "unknown_vertex"
    if any(graph.vertices[kind][end]["blocked"] for end in ends):
        return "blocked"
    edge = graph.add_edge(edge_kind, *ends, int(given["time"]), float(given.get("amount", 0)))
    if not _detected(graph, name, given):
        return "done"
    graph.drop_edges(lambda _, other: other.number == edge.number)
    for end in ends:
        graph.vertices[kind][end]["blocked"] = True
    return "detected"


def _detected(graph: PlainGraph, name: str, given: dict[str, Any]) -> bool:
    if name == "trw1":
        reader = Reader(graph, given)
        paid = {e.target for e in reader.out("AccountTransferAccount", int(given["dstId"]))}
        payers = {e.source for e in reader.into("AccountTransferAccount", int(given["srcId"]))}
        return bool((paid & payers) - {int(given["srcId"]), int(given["dstId"])})
    if name == "trw2":
        asked = {**given, "threshold": given["amountThreshold"]}
        ratios = [
            plain_rows(graph, "tcr7", {**asked, "id": given[end]})[0][2]
            for end in ("srcId", "dstId")
        ]
        return any(ratio > float(given["ratioThreshold"]) for ratio in ratios)
    amount = plain_rows(graph, "tcr11", {**given, "id": given["srcId"]})[0][0]
    return bool(amount > float(given["threshold"]))


FILES = {
    "AddMediumWrite3": ("tw3", {}),
    "AddPersonApplyLoanWrite6": ("tw6", {}),
    "AddCompanyApplyLoanWrite7": ("tw7", {}),
    "AddPersonInvestCompanyWrite8": ("tw8", {"investorId": "personId"}),
    "AddCompanyInvestCompanyWrite9":
        ("tw9", {"investorId": "companyId1", "companyId": "companyId2"}),
    "AddPersonGuaranteePersonWrite10": ("tw10", {"fromId": "personId1", "toId": "personId2"}),
    "AddCompanyGuaranteeCompanyWrite11": ("tw11", {"fromId": "companyId1", "toId": "companyId2"}),
    "AddAccountTransferAccountWrite12": ("tw12", {"fromId": "accountId1", "toId": "accountId2"}),
    "AddAccountWithdrawAccountWrite13": ("tw13", {"fromId": "accountId1", "toId": "accountId2"}),
    "AddAccountRepayLoanWrite14": ("tw14", {"account": "accountId"}),
    "AddLoanDepositAccountWrite15": ("tw15", {}),
    "AddMediumSigninAccountWrite16": ("tw16", {}),
    "DeleteAccountWrite17": ("tw17", {"deleteTime": "time"}),
    "AddAccountTransferAccountReadWrite1": ("trw1", {"fromId": "srcId", "toId": "dstId"}),
    "AddAccountTransferAccountReadWrite2":
        ("trw2", {"fromId": "srcId", "toId": "dstId", "amount_threshold": "amountThreshold",
                  "ratio_threshold": "ratioThreshold", "truncation_limit": "truncationLimit",
                  "truncation_order": "truncationOrder"}),
    "AddPersonGuaranteePersonReadWrite3":
        ("trw3", {"fromId": "srcId", "toId": "dstId", "amount_threshold": "threshold",
                  "truncation_limit": "truncationLimit", "truncation_order": "truncationOrder"}),
}  # fmt: skip


def incremental(archive: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The writes of the example data in order of time; those of files that are empty are none."""
    found = []
    with tarfile.open(archive) as files:
        for order, (stem, (name, renamed)) in enumerate(FILES.items()):
            text = files.extractfile(f"incremental/{stem}.csv").read().decode()  # type: ignore[union-attr]
            for line in csv.DictReader(io.StringIO(text), delimiter="|"):
                time = int(line.get("createTime") or line["deleteTime"])
                given = {renamed.get(column, column): value for column, value in line.items()}
                found.append((time, order, name, {**given, "time": str(time)}))
    found.sort(key=lambda write: write[:2])
    return ((name, given) for _, _, name, given in found)


def some_writes(
    graph: PlainGraph, random: Random, count: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Writes of every kind about vertices that are mostly there, at times in no order."""
    kinds: dict[str, list[int]] = {}
    for number in range(count):
        if number % 50 == 0:
            kinds = {kind: sorted(known) for kind, known in graph.vertices.items()}

        def one(kind: str, kinds: dict[str, list[int]] = kinds) -> str:
            return str(random.choice(kinds[kind]) if random.random() < 0.97 else 5)

        def fresh(kind: str, number: int = number) -> str:
            taken = random.random() < 0.1
            return one(kind) if taken else str(10**18 + number)

        time = random.randrange(1_577_836_800_000, 1_672_531_200_000)
        rest = {"time": str(time), "amount": str(random.randrange(10**6) / 100),
                "ratio": "0.25", "loanAmount": "5000.5", "balance": "400.25",
                "accountType": "debit card", "accountBlocked": "false", "isBlocked": "true",
                "personName": "A", "companyName": "B", "mediumType": "IPv6",
                "startTime": str(time - 10**10), "endTime": str(time + 10**10),
                "amountThreshold": "100.5", "ratioThreshold": "0.75", "threshold": "60000000",
                "truncationLimit": "20", "truncationOrder": "TIMESTAMP_DESCENDING"}  # fmt: skip
        name = random.choice([f"tw{n}" for n in range(1, 20)] + ["trw1", "trw2", "trw3", "tw12"])
        yield name, rest | _ends(name, one, fresh)


def _ends(name: str, one: Any, fresh: Any) -> dict[str, str]:
    if name in NAMED:
        kind = NAMED[name][0]
        return {f"{kind.lower()}Id": fresh(kind)}
    if name in OWNED:
        owner, kind, _ = OWNED[name]
        return {f"{owner.lower()}Id": one(owner), f"{kind.lower()}Id": fresh(kind)}
    if name in EDGES:
        kind, source, target, _ = EDGES[name]
        return {source: one(ENDS[kind][0]), target: one(ENDS[kind][1])}
    if name in ("tw17", "tw18"):
        return {"accountId": one("Account")}
    if name == "tw19":
        return {"personId": one("Person")}
    kind = "Person" if name == "trw3" else "Account"
    return {"srcId": one(kind), "dstId": one(kind)}
