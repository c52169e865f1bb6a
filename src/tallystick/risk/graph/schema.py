"""What the graph is made of: kinds of vertices and edges, and the files that they come in.

The kinds, names and columns are those of the LDBC FinBench specification (data definition).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

__all__ = [
    "EDGE_FILES",
    "EDGE_KINDS",
    "OWNERSHIP",
    "VERTEX_FILES",
    "EdgeFile",
    "EdgeKind",
    "EdgeKindName",
    "VertexFile",
    "VertexKind",
]


class VertexKind(StrEnum):
    """A kind of vertex. Ids are unique within a kind, not between kinds."""

    PERSON = "Person"
    COMPANY = "Company"
    ACCOUNT = "Account"
    LOAN = "Loan"
    MEDIUM = "Medium"


class EdgeKindName(StrEnum):
    """A kind of edge, by the kinds that it joins where the specification's name joins several."""

    TRANSFER = "transfer"
    WITHDRAW = "withdraw"
    REPAY = "repay"
    DEPOSIT = "deposit"
    SIGN_IN = "signIn"
    PERSON_OWN = "personOwn"
    COMPANY_OWN = "companyOwn"
    PERSON_APPLY = "personApply"
    COMPANY_APPLY = "companyApply"
    PERSON_INVEST = "personInvest"
    COMPANY_INVEST = "companyInvest"
    PERSON_GUARANTEE = "personGuarantee"
    COMPANY_GUARANTEE = "companyGuarantee"


class EdgeKind(NamedTuple):
    """Which vertices an edge joins, and whether it carries an amount (or a ratio)."""

    name: EdgeKindName
    source: VertexKind
    target: VertexKind
    valued: bool


class VertexFile(NamedTuple):
    """A file of vertices: the names of its columns, empty where the kind has no such thing.

    `label` is a person's or company's name, or an account's or medium's type; its second name
    is the one that the generator's files spell.
    """

    name: str
    kind: VertexKind
    id: str
    labels: tuple[str, ...]
    blocked: str
    amount: str = ""
    balance: str = ""


class EdgeFile(NamedTuple):
    """A file of edges: the names of its columns. `value` is an amount or a ratio."""

    name: str
    kind: EdgeKindName
    source: str
    target: str
    value: str = ""


_A, _P, _C = VertexKind.ACCOUNT, VertexKind.PERSON, VertexKind.COMPANY
_L, _M = VertexKind.LOAN, VertexKind.MEDIUM
_K = EdgeKindName

EDGE_KINDS: Final = {
    kind.name: kind
    for kind in (
        EdgeKind(_K.TRANSFER, _A, _A, True),
        EdgeKind(_K.WITHDRAW, _A, _A, True),
        EdgeKind(_K.REPAY, _A, _L, True),
        EdgeKind(_K.DEPOSIT, _L, _A, True),
        EdgeKind(_K.SIGN_IN, _M, _A, False),
        EdgeKind(_K.PERSON_OWN, _P, _A, False),
        EdgeKind(_K.COMPANY_OWN, _C, _A, False),
        EdgeKind(_K.PERSON_APPLY, _P, _L, False),
        EdgeKind(_K.COMPANY_APPLY, _C, _L, False),
        EdgeKind(_K.PERSON_INVEST, _P, _C, True),
        EdgeKind(_K.COMPANY_INVEST, _C, _C, True),
        EdgeKind(_K.PERSON_GUARANTEE, _P, _P, False),
        EdgeKind(_K.COMPANY_GUARANTEE, _C, _C, False),
    )
}

OWNERSHIP: Final = frozenset({_K.PERSON_OWN, _K.COMPANY_OWN})
"""Edges that may be the only thing known of their source: the generator's files leave such
owners out of the files of people and companies."""

VERTEX_FILES: Final = (
    VertexFile("Person.csv", _P, "personId", ("personName",), "isBlocked"),
    VertexFile("Company.csv", _C, "companyId", ("companyName",), "isBlocked"),
    VertexFile("Account.csv", _A, "accountId", ("accountType", "accoutType"), "isBlocked"),
    VertexFile("Loan.csv", _L, "loanId", (), "", "loanAmount", "balance"),
    VertexFile("Medium.csv", _M, "mediumId", ("mediumType",), "isBlocked"),
)

EDGE_FILES: Final = (
    EdgeFile("AccountTransferAccount.csv", _K.TRANSFER, "fromId", "toId", "amount"),
    EdgeFile("AccountWithdrawAccount.csv", _K.WITHDRAW, "fromId", "toId", "amount"),
    EdgeFile("AccountRepayLoan.csv", _K.REPAY, "accountId", "loanId", "amount"),
    EdgeFile("LoanDepositAccount.csv", _K.DEPOSIT, "loanId", "accountId", "amount"),
    EdgeFile("MediumSignInAccount.csv", _K.SIGN_IN, "mediumId", "accountId"),
    EdgeFile("PersonOwnAccount.csv", _K.PERSON_OWN, "personId", "accountId"),
    EdgeFile("CompanyOwnAccount.csv", _K.COMPANY_OWN, "companyId", "accountId"),
    EdgeFile("PersonApplyLoan.csv", _K.PERSON_APPLY, "personId", "loanId"),
    EdgeFile("CompanyApplyLoan.csv", _K.COMPANY_APPLY, "companyId", "loanId"),
    EdgeFile("PersonInvestCompany.csv", _K.PERSON_INVEST, "investorId", "companyId", "ratio"),
    EdgeFile("CompanyInvestCompany.csv", _K.COMPANY_INVEST, "investorId", "companyId", "ratio"),
    EdgeFile("PersonGuaranteePerson.csv", _K.PERSON_GUARANTEE, "fromId", "toId"),
    EdgeFile("CompanyGuaranteeCompany.csv", _K.COMPANY_GUARANTEE, "fromId", "toId"),
)
