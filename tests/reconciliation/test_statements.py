"""Statements are read whole or refused with line and reason, in every form."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.reconciliation.statements.mapping import read_mapping
from tallystick.reconciliation.statements.model import (
    BankStatement,
    StatementError,
    exact_amount,
)
from tallystick.reconciliation.statements.reading import form_of, read_statements

DATA = Path(__file__).parent.parent / "data" / "statements"
MAPPING = (DATA / "bank.toml").read_text("utf-8")


def sample(name: str) -> bytes:
    return (DATA / name).read_bytes()


def read(name: str) -> list[BankStatement]:
    return read_statements(sample(name))


def refused(data: bytes, mapping: str = "") -> StatementError:
    with pytest.raises(StatementError) as caught:
        read_statements(data, read_mapping(mapping) if mapping else None)
    return caught.value


def test_a_bank_s_mt940_with_references_of_its_own_form() -> None:
    first, second = read("rabobank_iban.sta")
    assert (first.account, first.balances[0].opening) == ("NL71RABO0123456789", 100_000)
    assert [(x.line, x.day, x.amount) for x in first.lines] == [
        (6, date(2013, 1, 1), -2500), (10, date(2013, 1, 2), -1000),
    ]  # fmt: skip
    assert first.lines[0].reference == "01-01-2013 12:00 0030000987654321"
    assert len(second.lines) == 2


def test_german_remittance_information_gives_reference_and_counterparty() -> None:
    statements = read("sepa.sta")
    lines = [line for s in statements for line in s.lines]
    assert sum(len(s.lines) for s in statements) == 97
    assert lines[0].reference == "TFNR 40005 00005"
    assert lines[0].bank_reference == "0724710345313905"
    assert lines[0].text.startswith("EREF+TFNR 40005 00005MTLG:Grund nicht")
    assert any(x.counterparty == "DE42100100100043921105" for x in lines)
    assert any(x.amount == -20_488 for x in lines)  # RC: a credit that was taken back.


@pytest.mark.parametrize(
    ("name", "lines"),
    [("sns.sta", 2), ("mbank.sta", 3), ("february_30.sta", 1), ("wrapped_timestamp.sta", 1)],
)
def test_statements_of_several_banks_add_up(name: str, lines: int) -> None:
    assert sum(len(s.lines) for s in read(name)) == lines


def test_a_value_day_of_30_february_is_its_last_day() -> None:
    assert read("february_30.sta")[0].lines[0].day == date(2016, 3, 1)
    text = sample("february_30.sta").replace(b"1602300301", b"160230")
    assert read_statements(text)[0].lines[0].day == date(2016, 2, 29)


def test_a_statement_that_does_not_add_up_is_refused_at_its_closing_balance() -> None:
    error = refused(sample("abnamro.sta"))
    assert error.line == 27
    assert "opening and -321.44 moved give 2914.84, but the closing balance is 876.84" in str(error)


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        (b"D000000000025,00", b"D00000000002500", 6, "one comma"),
        (b"D000000000025,00", b"D25,001", 6, "more decimals"),
        (b":61:130101D", b":61:131301D", 6, "not a day"),
        (b":61:130101D", b":61:130101X", 6, "not a statement line"),
        (b"C130101EUR", b"C130101EXX", 5, "not a currency"),
        (b":60F:", b":64:", 6, "outside the two balances"),
        (b":28C:0", b":99:0", 4, "no field of a statement"),
        (b":25:NL71RABO0123456789", b":25:", 2, "names no account"),
    ],
)
def test_a_malformed_mt940_is_refused_with_line_and_reason(
    old: bytes, new: bytes, line: int, reason: str
) -> None:
    error = refused(sample("rabobank_iban.sta").replace(old, new, 1))
    assert (error.line, reason in error.reason) == (line, True), str(error)


@pytest.mark.parametrize(
    "end", ["-}{5:}", "-}{5:{MAC:ABCDEFG}{CHK:123456789ABC}}", "-}\x03\x01{1:F01BANKNL2AXXX}{4:"]
)
def test_the_trailer_of_a_swift_message_ends_its_text(end: str) -> None:
    text = sample("sns.sta").replace(b"\n-\n", b"\n" + end.encode() + b"\n")
    head = b"{1:F01BANKNL2AXXX0000000000}{2:I940BANKNL2AXXXXN}{4:\n"
    assert [len(s.lines) for s in read_statements(head + text)] == [2, 0]


def test_an_account_in_place_of_a_reference_is_the_counterparty() -> None:
    text = sample("sns.sta").replace(b"NIOB0987654321", b"NIOBNL47INGB9999999999", 1)
    first, second = read_statements(text)[0].lines
    assert (first.reference, first.counterparty) == ("", "NL47INGB9999999999")
    assert second.reference == "0987654321"


def test_a_mt940_that_ends_too_early_is_refused() -> None:
    cut = sample("rabobank_iban.sta").partition(b":62F:")[0]
    assert "no closing balance" in refused(cut).reason
    assert refused(sample("knab.sta")).line == 17


def test_a_camt053_has_booked_lines_and_counts_the_others() -> None:
    (statement,) = read("camt053.xml")
    came, went = statement.lines
    assert (came.amount, came.reference, came.bank_reference) == (10_000, "ORDER-1", "BANK-1")
    assert (came.counterparty, came.text) == ("DE89370400440532013000", "Order 1, thank you")
    assert (went.amount, went.reference, went.day) == (-2550, "BATCH-7", date(2026, 11, 24))
    assert (statement.unbooked, statement.number) == (1, "328")


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        (b">1074.50<", b">1074.51<", 13, "but the closing balance is 1074.51"),
        (b"CLBD", b"CLAV", 5, "opening (OPBD) and a closing"),
        (b"<Cd>BOOK</Cd>", b"<Cd>MAYB</Cd>", 17, "not known"),
        (b"<CdtDbtInd>DBIT</CdtDbtInd>", b"<CdtDbtInd>X</CdtDbtInd>", 30, "neither CRDT"),
        (b">25.50<", b">25,50<", 30, "not an amount"),
        (b"<BookgDt><Dt>2026-11-24</Dt>", b"<BookgDt><Dt>2026-11-31</Dt>", 17, "not a day"),
        (b"camt.053.001.08", b"pain.001.001.03", 2, "no camt.053"),
        (b"</Stmt>", b"", 45, "not XML"),
    ],
)
def test_a_malformed_camt053_is_refused_with_line_and_reason(
    old: bytes, new: bytes, line: int, reason: str
) -> None:
    error = refused(sample("camt053.xml").replace(old, new, 1))
    assert (error.line, reason in error.reason) == (line, True), str(error)


def test_xml_that_names_files_or_grows_is_refused() -> None:
    head = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    text = sample("camt053.xml").replace(b"?>\n", b"?>\n" + head, 1)
    assert "document type" in refused(text.replace(b"ORDER-1", b"&e;")).reason


def test_a_csv_is_read_as_its_mapping_says() -> None:
    (statement,) = read_statements(sample("bank.csv"), read_mapping(MAPPING))
    assert [(x.line, x.amount, x.reference) for x in statement.lines] == [
        (3, 100_000, "ORDER-1"), (4, -25_050, ""),
    ]  # fmt: skip
    assert statement.lines[0].text == "Order 1; thank you"
    assert statement.balances[0][:3] == ("EUR", 50_000, 124_950)


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        (b"1.249,50", b"1.249,51", 4, "not the one before"),
        (b"24.11.2026;250", b"2026-11-24;250", 4, "not a day as %d.%m.%Y"),
        (b";S;", b";X;", 4, "neither out nor into"),
        (b"250,50", b"250,5x", 4, "not an amount"),
        (b"Bob;Rent", b"Bob", 4, "7 cells, the head 8"),
        (b"Umsatz", b"Betrag", 2, "no column 'Umsatz'"),
        (b"Bob", b"B\xff", 4, "not utf-8"),
    ],
)
def test_a_malformed_csv_is_refused_with_line_and_reason(
    old: bytes, new: bytes, line: int, reason: str
) -> None:
    error = refused(sample("bank.csv").replace(old, new, 1), MAPPING)
    assert (error.line, reason in error.reason) == (line, True), str(error)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('day = "Buchungstag"', "", "missing required field `day`"),
        ('rule = "indicator"', 'rule = "guess"', "Invalid enum value"),
        ('decimal = ","', 'decimal = "."', "must differ"),
        ("[sign]", "[sing]", "unknown field"),
        ('out = ["S"]', "", "the words out and into"),
    ],
)
def test_a_mapping_without_sense_is_refused(old: str, new: str, reason: str) -> None:
    with pytest.raises(StatementError, match=reason):
        read_mapping(MAPPING.replace(old, new))


def test_two_columns_of_amounts() -> None:
    mapping = read_mapping(
        'currency = "CNY"\n[columns]\nday = "d"\ndebit = "out"\ncredit = "in"\n'
        '[sign]\nrule = "two_columns"\n'
    )
    (statement,) = read_statements(b"d,out,in\n2026-11-24,3.00,\n2026-11-24,,1.5\n", mapping)
    assert [x.amount for x in statement.lines] == [-300, 150]


def test_a_form_that_is_not_known_is_refused() -> None:
    assert form_of(b"day,amount\n") is None
    assert "needs a mapping" in refused(b"day,amount\n").reason
    assert refused(b"PK\x03\x04 and no zip").reason.startswith("The zip cannot be read")


@given(st.integers(0, 10**15), st.sampled_from(["CNY", "JPY", "KWD"]))
def test_an_amount_is_read_exactly(amount: int, currency: str) -> None:
    places = {"CNY": 2, "JPY": 0, "KWD": 3}[currency]
    text = f"{amount // 10**places}.{amount % 10**places:0{places}d}" if places else str(amount)
    assert exact_amount(text, currency, 1) == amount
    assert exact_amount(f"00{text}{'0' if places else ''}", currency, 1) == amount


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    for head in (b"", b":20:", b"<", "#支付宝".encode("gbk"), b"PK\x03\x04"):
        with pytest.raises(StatementError):
            read_statements(head + data)


def test_camt_documents_of_another_test_suite_are_read_or_refused_by_line() -> None:
    first, second = read("camt053_multi_statement.xml")
    assert [(x.day, x.amount, x.reference) for s in (first, second) for x in s.lines] == [
        (date(2014, 12, 31), 885, "000000001"), (date(2014, 12, 31), -700, "000000002"),
    ]  # fmt: skip
    assert first.balances[0].closing == second.balances[0].opening == 2700
    assert second.lines[0].counterparty == "NL56AGDH9619008421"
    for name, line, reason in (
        ("camt053_five_decimals.xml", 49, "but the closing balance is 27.05"),
        ("camt053_v8.xml", 30, "Each currency needs an opening (OPBD) and a closing (CLBD)"),
    ):
        error = refused(sample(name))
        assert (error.line, reason in error.reason) == (line, True), error
