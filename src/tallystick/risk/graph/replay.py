"""Files of writes, such as the folder `incremental/` of FinBench's data, replayed in time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tallystick.risk.graph.errors import FileError, QueryError, WriteRefused
from tallystick.risk.graph.files import DataFiles, open_data
from tallystick.risk.graph.graph import Graph
from tallystick.risk.graph.parameters import Values, typed
from tallystick.risk.graph.writes import WRITES

__all__ = ["Replayed", "replay_writes"]

WRITES_FOLDER: Final = "incremental"
_ENDS: Final = ("fromId", "toId")
_OWN: Final = {name: name for name in ("accountId", "accountBlocked", "accountType")}
_LOAN: Final = {name: name for name in ("loanId", "loanAmount", "balance")}
_GUARD: Final = {"startTime": "startTime", "endTime": "endTime"}
_CUT: Final = {"truncationLimit": "truncation_limit", "truncationOrder": "truncation_order"}


class _WriteFile(NamedTuple):
    """A file of writes: which write, and the column of each parameter but the time."""

    name: str
    write: str
    columns: Mapping[str, str]
    time: str = "createTime"


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


def _ends(first: str, second: str, *more: str) -> dict[str, str]:
    return {first: _ENDS[0], second: _ENDS[1], **_same(*more)}


_FILES: Final = (
    _WriteFile("AddPersonWrite1.csv", "tw1", _same("personId", "personName", "isBlocked")),
    _WriteFile("AddCompanyWrite2.csv", "tw2", _same("companyId", "companyName", "isBlocked")),
    _WriteFile("AddMediumWrite3.csv", "tw3", _same("mediumId", "mediumType", "isBlocked")),
    _WriteFile("AddPersonOwnAccountWrite4.csv", "tw4", {"personId": "personId", **_OWN}),
    _WriteFile("AddCompanyOwnAccountWrite5.csv", "tw5", {"companyId": "companyId", **_OWN}),
    _WriteFile("AddPersonApplyLoanWrite6.csv", "tw6", {"personId": "personId", **_LOAN}),
    _WriteFile("AddCompanyApplyLoanWrite7.csv", "tw7", {"companyId": "companyId", **_LOAN}),
    _WriteFile("AddPersonInvestCompanyWrite8.csv", "tw8",
               {"personId": "investorId", "companyId": "companyId", "ratio": "ratio"}),
    _WriteFile("AddCompanyInvestCompanyWrite9.csv", "tw9",
               {"companyId1": "investorId", "companyId2": "companyId", "ratio": "ratio"}),
    _WriteFile("AddPersonGuaranteePersonWrite10.csv", "tw10", _ends("personId1", "personId2")),
    _WriteFile("AddCompanyGuaranteeCompanyWrite11.csv", "tw11", _ends("companyId1", "companyId2")),
    _WriteFile("AddAccountTransferAccountWrite12.csv", "tw12",
               _ends("accountId1", "accountId2", "amount")),
    _WriteFile("AddAccountWithdrawAccountWrite13.csv", "tw13",
               _ends("accountId1", "accountId2", "amount")),
    _WriteFile("AddAccountRepayLoanWrite14.csv", "tw14",
               {"accountId": "account", **_same("loanId", "amount")}),
    _WriteFile("AddLoanDepositAccountWrite15.csv", "tw15", _same("loanId", "accountId", "amount")),
    _WriteFile("AddMediumSigninAccountWrite16.csv", "tw16", _same("mediumId", "accountId")),
    _WriteFile("DeleteAccountWrite17.csv", "tw17", _same("accountId"), "deleteTime"),
    _WriteFile("UpdateAccountWrite18.csv", "tw18", _same("accountId")),
    _WriteFile("UpdatePersonWrite19.csv", "tw19", _same("personId")),
    _WriteFile("AddAccountTransferAccountReadWrite1.csv", "trw1",
               {**_ends("srcId", "dstId", "amount"), **_GUARD}),
    _WriteFile("AddAccountTransferAccountReadWrite2.csv", "trw2",
               {**_ends("srcId", "dstId", "amount"), **_GUARD, **_CUT,
                "amountThreshold": "amount_threshold", "ratioThreshold": "ratio_threshold"}),
    _WriteFile("AddPersonGuaranteePersonReadWrite3.csv", "trw3",
               {**_ends("srcId", "dstId"), **_GUARD, **_CUT, "threshold": "amount_threshold"}),
)  # fmt: skip


class Replayed(NamedTuple):
    """What became of the writes.

    Args:
        done: how many, by write.
        refused: how many, by write and reason, as `tw12 unknown_vertex`; a read-write that was
            not committed counts as `trw1 blocked` or `trw1 detected`.
    """

    done: dict[str, int]
    refused: dict[str, int]


class _Line(NamedTuple):
    time_ms: int
    write: str
    values: Values


def replay_writes(graph: Graph, where: Path) -> Replayed:
    """Do the writes of a folder such as `incremental/`, the folder that holds it, or a .tar.gz.

    They are done in order of time; at equal times in order of their numbers, then lines. A
    write about a vertex that is not there is refused and counted, as any write would be.

    Raises:
        FileError: a file, line or column that is not as it should be; nothing was done.
    """
    with open_data(where, WRITES_FOLDER) as files:
        known = {file.name for file in _FILES}
        strange = sorted(n for n in files.names if n.endswith(".csv") and n not in known)
        if strange or not files.names & known:
            name = strange[0] if strange else _FILES[0].name
            raise FileError(name, 0, "", f"is no file of writes in {files.where}")
        lines = [line for file in _FILES if file.name in files.names for line in _read(files, file)]
    lines.sort(key=lambda line: line.time_ms)
    done: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    with graph.lock.writing():
        for line in lines:
            outcome = _do(graph, line)
            if outcome == "done":
                done[line.write] += 1
            else:
                refused[f"{line.write} {outcome}"] += 1
    return Replayed(dict(done), dict(refused))


def _read(files: DataFiles, file: _WriteFile) -> Iterator[_Line]:
    wanted = [(column,) for column in (file.time, *file.columns.values())]
    has_time = "time" in WRITES[file.write].parameters
    for part in files.parts(file.name, wanted):
        columns = [part.columns[column] for column in file.columns.values()]
        rows = zip(part.columns[file.time], *columns, strict=True)
        for place, (time, *texts) in enumerate(rows):
            if not (time.isascii() and time.isdecimal()):
                raise part.error(place, file.time, f"{time[:40]!r} is not ms since 1970")
            given: dict[str, object] = dict(zip(file.columns, texts, strict=True))
            if has_time:
                given["time"] = time
            try:
                values = Values(typed(file.write, WRITES[file.write].parameters, given))
            except QueryError as error:
                raise part.error(place, "", str(error)) from error
            yield _Line(int(time), file.write, values)


def _do(graph: Graph, line: _Line) -> str:
    try:
        rows = WRITES[line.write].run(graph, line.values)
    except WriteRefused as refused:
        return refused.code
    return str(rows[0][1]) if rows else "done"
