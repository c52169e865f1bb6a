"""The graph and the reads of the specification once more, plainly: lists, loops, all paths.

Written from the text of the LDBC FinBench specification alone, to compare with. It shares no
code with the graph that it checks, and takes no short cuts: a trace is found by walking it.
"""

from __future__ import annotations

import csv
import io
import math
import tarfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["ENDS", "EXAMPLE", "READS", "Edge", "PlainGraph", "plain_from", "plain_rows"]

EXAMPLE = Path(__file__).parents[2] / "data" / "finbench" / "example.tar.gz"

ENDS = {
    "AccountTransferAccount": ("Account", "Account", "fromId", "toId", "amount"),
    "AccountWithdrawAccount": ("Account", "Account", "fromId", "toId", "amount"),
    "AccountRepayLoan": ("Account", "Loan", "accountId", "loanId", "amount"),
    "LoanDepositAccount": ("Loan", "Account", "loanId", "accountId", "amount"),
    "MediumSignInAccount": ("Medium", "Account", "mediumId", "accountId", None),
    "PersonOwnAccount": ("Person", "Account", "personId", "accountId", None),
    "CompanyOwnAccount": ("Company", "Account", "companyId", "accountId", None),
    "PersonApplyLoan": ("Person", "Loan", "personId", "loanId", None),
    "CompanyApplyLoan": ("Company", "Loan", "companyId", "loanId", None),
    "PersonInvestCompany": ("Person", "Company", "investorId", "companyId", "ratio"),
    "CompanyInvestCompany": ("Company", "Company", "investorId", "companyId", "ratio"),
    "PersonGuaranteePerson": ("Person", "Person", "fromId", "toId", None),
    "CompanyGuaranteeCompany": ("Company", "Company", "fromId", "toId", None),
}


class Edge(NamedTuple):
    """An edge; `number` is the order of arrival."""

    source: int
    target: int
    time: int
    value: float
    number: int


def milliseconds(text: str) -> int:
    moment = datetime.fromisoformat(text + ("" if "." in text else ".0")).replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def rounded(value: float) -> float:
    return float(Decimal(repr(float(value))).quantize(Decimal("0.001"), ROUND_HALF_UP))


class PlainGraph:
    """Vertices by kind and id; edges by kind in lists."""

    def __init__(self) -> None:
        self.vertices: dict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
        self.edges: dict[str, list[Edge]] = {name: [] for name in ENDS}
        self.number = 0
        self._index: dict[tuple[str, str], dict[int, list[Edge]]] = {}

    def add_edge(self, kind: str, source: int, target: int, time: int, value: float = 0.0) -> Edge:
        self.number += 1
        edge = Edge(source, target, time, value, self.number)
        self.edges[kind].append(edge)
        for end, vertex in (("source", source), ("target", target)):
            if (kind, end) in self._index:
                self._index[kind, end][vertex].append(edge)
        return edge

    def drop_edges(self, gone: Callable[[str, Edge], bool]) -> None:
        for kind, edges in self.edges.items():
            self.edges[kind] = [edge for edge in edges if not gone(kind, edge)]
        self._index.clear()

    def of(self, kind: str, end: str, vertex: int) -> list[Edge]:
        index = self._index.get((kind, end))
        if index is None:
            index = self._index[kind, end] = defaultdict(list)
            for edge in self.edges[kind]:
                index[getattr(edge, end)].append(edge)
        return index.get(vertex, [])


def plain_from(archive: Path) -> PlainGraph:
    graph = PlainGraph()
    with tarfile.open(archive) as files:
        texts = {
            Path(member.name).stem: files.extractfile(member).read().decode()  # type: ignore[union-attr]
            for member in files.getmembers()
            if member.isfile() and "snapshot" in member.name
        }
    for kind in ("Person", "Company", "Account", "Loan", "Medium"):
        for line in csv.DictReader(io.StringIO(texts[kind]), delimiter="|"):
            graph.vertices[kind][int(line[f"{kind.lower()}Id"])] = {
                "created": milliseconds(line["createTime"]),
                "blocked": line.get("isBlocked") == "true",
                "label": line.get(f"{kind.lower()}Name", line.get("accoutType", ""))
                or line.get("mediumType", ""),
                "amount": float(line.get("loanAmount", 0)),
                "balance": float(line.get("balance", 0)),
            }
    for kind, (source_kind, _, source, target, value) in ENDS.items():
        for line in csv.DictReader(io.StringIO(texts[kind]), delimiter="|"):
            ends = int(line[source]), int(line[target])
            amount = float(line[value]) if value else 0.0
            graph.add_edge(kind, *ends, milliseconds(line["createTime"]), amount)
            graph.vertices[source_kind].setdefault(
                ends[0],
                {"created": -1, "blocked": False, "label": "", "amount": 0.0, "balance": 0.0},
            )
    return graph


class Reader:
    """One read with its parameters."""

    def __init__(self, graph: PlainGraph, given: dict[str, Any]) -> None:
        self.graph = graph
        self.given = given

    def number(self, name: str) -> int:
        return int(self.given[name])

    def cut(self, edges: list[Edge]) -> list[Edge]:
        if "truncationLimit" not in self.given:
            return edges
        order = self.given.get("truncationOrder", "TIMESTAMP_DESCENDING")

        def key(edge: Edge) -> tuple[float, int, int]:
            by = edge.value if order.startswith("AMOUNT") else edge.time
            return (by, edge.time, edge.number)

        edges = sorted(edges, key=key, reverse=order.endswith("DESCENDING"))
        return edges[: int(self.given["truncationLimit"])]

    def inside(self, edges: list[Edge], above: float | None = None) -> list[Edge]:
        start, end = self.number("startTime"), self.number("endTime")
        return [
            edge
            for edge in edges
            if start < edge.time < end and (above is None or edge.value > above)
        ]

    def out(self, kind: str, vertex: int, above: float | None = None) -> list[Edge]:
        return self.cut(self.inside(self.graph.of(kind, "source", vertex), above))

    def into(self, kind: str, vertex: int, above: float | None = None) -> list[Edge]:
        return self.cut(self.inside(self.graph.of(kind, "target", vertex), above))

    def owned(self) -> list[int]:
        person = self.number("id")
        return sorted(e.target for e in self.graph.of("PersonOwnAccount", "source", person))


def total(edges: list[Edge]) -> float:
    return math.fsum(edge.value for edge in edges)


def walks(reader: Reader, start: int) -> Iterator[list[Edge]]:
    """All transfers one after another, by rising times, of one to three edges."""

    def further(walk: list[Edge], account: int) -> Iterator[list[Edge]]:
        for edge in reader.out("AccountTransferAccount", account):
            if not walk or edge.time > walk[-1].time:
                longer = [*walk, edge]
                yield longer
                if len(longer) < 3:
                    yield from further(longer, edge.target)

    return further([], start)


def tcr1(reader: Reader) -> list[tuple[Any, ...]]:
    found = set()
    media = reader.graph.vertices["Medium"]
    for walk in walks(reader, reader.number("id")):
        account = walk[-1].target
        for sign_in in reader.into("MediumSignInAccount", account):
            medium = media[sign_in.source]
            if medium["blocked"]:
                found.add((len(walk), account, sign_in.source, medium["label"]))
    return [(str(a), d, str(m), label) for d, a, m, label in sorted(found)]


def tcr2(reader: Reader) -> list[tuple[Any, ...]]:
    others: set[int] = set()

    def upstream(account: int, before: int | None, steps: int) -> None:
        for edge in reader.into("AccountTransferAccount", account):
            if before is None or edge.time < before:
                others.add(edge.source)
                if steps > 1:
                    upstream(edge.source, edge.time, steps - 1)

    for account in reader.owned():
        upstream(account, None, 3)
    answer = []
    for other in others:
        loans = {edge.source for edge in reader.into("LoanDepositAccount", other)}
        if loans:
            known = [reader.graph.vertices["Loan"][loan] for loan in loans]
            amount = rounded(math.fsum(loan["amount"] for loan in known))
            answer.append((other, amount, rounded(math.fsum(loan["balance"] for loan in known))))
    answer.sort(key=lambda row: (-row[1], row[0]))
    return [(str(other), amount, balance) for other, amount, balance in answer]


def tcr3(reader: Reader) -> list[tuple[Any, ...]]:
    source, target = reader.number("id1"), reader.number("id2")
    accounts = reader.graph.vertices["Account"]
    if source not in accounts or target not in accounts:
        return [(-1,)]
    distance = {source: 0}
    queue = [source]
    for account in queue:
        if target in distance:
            break
        for edge in reader.out("AccountTransferAccount", account):
            if edge.target not in distance:
                distance[edge.target] = distance[account] + 1
                queue.append(edge.target)
    return [(distance.get(target, -1),)]


def tcr4(reader: Reader) -> list[tuple[Any, ...]]:
    source, target = reader.number("id1"), reader.number("id2")
    transfers = "AccountTransferAccount"
    if all(edge.target != target for edge in reader.out(transfers, source)):
        return []
    rows = []
    for other in {edge.target for edge in reader.out(transfers, target)} - {source, target}:
        back = [edge for edge in reader.out(transfers, other) if edge.target == source]
        onward = [edge for edge in reader.into(transfers, other) if edge.source == target]
        if back:
            sums = [
                (len(edges), rounded(total(edges)), rounded(max(e.value for e in edges)))
                for edges in (back, onward)
            ]
            rows.append((other, *sums[0], *sums[1]))
    rows.sort(key=lambda row: (-row[2], -row[5], row[0]))
    return [(str(row[0]), *row[1:]) for row in rows]


def tcr5(reader: Reader) -> list[tuple[Any, ...]]:
    paths = set()
    for account in reader.owned():
        for walk in walks(reader, account):
            path = (account, *(edge.target for edge in walk))
            if len(set(path)) == len(path):
                paths.add(path)
    ordered = sorted(paths, key=lambda path: (-len(path), path))
    return [([str(account) for account in path],) for path in ordered]


def tcr6(reader: Reader) -> list[tuple[Any, ...]]:
    withdrawn = defaultdict(list)
    bound = float(reader.given["threshold2"])
    for edge in reader.into("AccountWithdrawAccount", reader.number("id"), bound):
        withdrawn[edge.source].append(edge)
    rows = []
    for middle, edges in withdrawn.items():
        bound = float(reader.given["threshold1"])
        gathered = reader.into("AccountTransferAccount", middle, bound)
        if len(gathered) > 3:
            rows.append((middle, rounded(total(gathered)), rounded(total(edges))))
    rows.sort(key=lambda row: (-row[2], row[0]))
    return [(str(row[0]), *row[1:]) for row in rows]


def tcr7(reader: Reader) -> list[tuple[Any, ...]]:
    account, bound = reader.number("id"), float(reader.given["threshold"])
    into = reader.into("AccountTransferAccount", account, bound)
    out = reader.out("AccountTransferAccount", account, bound)
    ratio = rounded(total(into) / total(out)) if out else -1.0
    return [(len({e.source for e in into}), len({e.target for e in out}), ratio)]


def tcr8(reader: Reader) -> list[tuple[Any, ...]]:
    loan, threshold = reader.number("id"), float(reader.given["threshold"])
    depth = {edge.target: 1 for edge in reader.out("LoanDepositAccount", loan)}
    queue = list(depth)
    followed: dict[int, list[Edge]] = defaultdict(list)
    distance: dict[int, int] = {}
    for account in queue:
        if depth[account] > 3:
            continue
        transfers = reader.graph.of("AccountTransferAccount", "source", account)
        withdrawals = reader.graph.of("AccountWithdrawAccount", "source", account)
        received = total(
            reader.inside(reader.graph.of("AccountTransferAccount", "target", account))
        )
        for edge in reader.cut(reader.inside([*transfers, *withdrawals])):
            if edge.value > threshold * received:
                followed[edge.target].append(edge)
                distance.setdefault(edge.target, depth[account] + 1)
                if edge.target not in depth:
                    depth[edge.target] = depth[account] + 1
                    queue.append(edge.target)
    amount = reader.graph.vertices["Loan"].get(loan, {}).get("amount", 0.0)
    rows = [(a, rounded(total(e) / amount), distance[a]) for a, e in followed.items()]
    rows.sort(key=lambda row: (-row[2], -row[1], row[0]))
    return [(str(row[0]), *row[1:]) for row in rows]


def tcr9(reader: Reader) -> list[tuple[Any, ...]]:
    account, bound = reader.number("id"), float(reader.given["threshold"])
    edge1 = reader.into("LoanDepositAccount", account, bound)
    edge2 = reader.out("AccountRepayLoan", account, bound)
    edge3 = reader.into("AccountTransferAccount", account, bound)
    edge4 = reader.out("AccountTransferAccount", account, bound)
    pairs = ((edge1, edge2), (edge1, edge4), (edge3, edge4))
    return [tuple(rounded(total(a) / total(b)) if b else -1.0 for a, b in pairs)]


def tcr10(reader: Reader) -> list[tuple[Any, ...]]:
    first, second = (
        {edge.target for edge in reader.out("PersonInvestCompany", reader.number(name))}
        for name in ("pid1", "pid2")
    )
    return [(rounded(len(first & second) / len(first | second)) if first | second else 0.0,)]


def tcr11(reader: Reader) -> list[tuple[Any, ...]]:
    guaranteed: set[int] = set()
    queue = [reader.number("id")]
    for person in queue:
        for edge in reader.out("PersonGuaranteePerson", person):
            if edge.target not in guaranteed:
                guaranteed.add(edge.target)
                queue.append(edge.target)
    loans = {
        edge.target
        for person in guaranteed
        for edge in reader.graph.of("PersonApplyLoan", "source", person)
    }
    amounts = [reader.graph.vertices["Loan"][loan]["amount"] for loan in loans]
    return [(rounded(math.fsum(amounts)), len(loans))]


def tcr12(reader: Reader) -> list[tuple[Any, ...]]:
    paid = defaultdict(list)
    for account in reader.owned():
        for edge in reader.out("AccountTransferAccount", account):
            if reader.graph.of("CompanyOwnAccount", "target", edge.target):
                paid[edge.target].append(edge)
    rows = sorted((-rounded(total(edges)), account) for account, edges in paid.items())
    return [(str(account), -minus) for minus, account in rows]


def tsr1(reader: Reader) -> list[tuple[Any, ...]]:
    account = reader.graph.vertices["Account"].get(reader.number("id"))
    return [(account["created"], account["blocked"], account["label"])] if account else []


def tsr2(reader: Reader) -> list[tuple[Any, ...]]:
    row: list[Any] = []
    for edges in (
        reader.out("AccountTransferAccount", reader.number("id")),
        reader.into("AccountTransferAccount", reader.number("id")),
    ):
        greatest = rounded(max(e.value for e in edges)) if edges else -1.0
        row += [rounded(total(edges)), greatest, len(edges)]
    return [tuple(row)]


def tsr3(reader: Reader) -> list[tuple[Any, ...]]:
    account, bound = reader.number("id"), float(reader.given["threshold"])
    edge2 = reader.graph.of("AccountTransferAccount", "target", account)
    edge1 = [
        edge
        for edge in reader.into("AccountTransferAccount", account, bound)
        if reader.graph.vertices["Account"][edge.source]["blocked"]
    ]
    return [(rounded(len(edge1) / len(edge2)) if edge2 else -1.0,)]


def _by_account(edges: list[Edge], end: str) -> list[tuple[Any, ...]]:
    groups = defaultdict(list)
    for edge in edges:
        groups[getattr(edge, end)].append(edge)
    rows = sorted((-rounded(total(e)), account, len(e)) for account, e in groups.items())
    return [(str(account), count, -minus) for minus, account, count in rows]


def tsr4(reader: Reader) -> list[tuple[Any, ...]]:
    bound = float(reader.given["threshold"])
    edges = reader.out("AccountTransferAccount", reader.number("id"), bound)
    return _by_account(edges, "target")


def tsr5(reader: Reader) -> list[tuple[Any, ...]]:
    bound = float(reader.given["threshold"])
    edges = reader.into("AccountTransferAccount", reader.number("id"), bound)
    return _by_account(edges, "source")


def tsr6(reader: Reader) -> list[tuple[Any, ...]]:
    account = reader.number("id")
    found = set()
    for edge1 in reader.into("AccountTransferAccount", account):
        for edge2 in reader.out("AccountTransferAccount", edge1.source):
            if reader.graph.vertices["Account"][edge2.target]["blocked"]:
                found.add(edge2.target)
    return [(str(other),) for other in sorted(found - {account})]


READS = {
    read.__name__: read
    for read in (
        *(tcr1, tcr2, tcr3, tcr4, tcr5, tcr6, tcr7, tcr8, tcr9, tcr10, tcr11, tcr12),
        *(tsr1, tsr2, tsr3, tsr4, tsr5, tsr6),
    )
}


def plain_rows(graph: PlainGraph, name: str, given: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of a read, each in the order of its columns."""
    return READS[name](Reader(graph, given))
