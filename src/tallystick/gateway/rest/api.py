"""Every operation of the API, in the order in which they are shown."""

from __future__ import annotations

from typing import Final

from tallystick.gateway.rest.accounting_exchange import EXCHANGE_OPERATIONS
from tallystick.gateway.rest.accounting_monitors import MONITOR_OPERATIONS
from tallystick.gateway.rest.accounting_periods import PERIOD_OPERATIONS
from tallystick.gateway.rest.accounting_schedules import SCHEDULE_OPERATIONS
from tallystick.gateway.rest.anomalies import ANOMALY_OPERATIONS
from tallystick.gateway.rest.api_keys import API_KEY_OPERATIONS
from tallystick.gateway.rest.apps import APP_OPERATIONS
from tallystick.gateway.rest.bills import BILL_OPERATIONS
from tallystick.gateway.rest.blacklist import BLACKLIST_OPERATIONS
from tallystick.gateway.rest.blacklist_log import BLACKLIST_LOG_OPERATIONS
from tallystick.gateway.rest.collections import COLLECTION_OPERATIONS
from tallystick.gateway.rest.credit import CREDIT_OPERATIONS
from tallystick.gateway.rest.decisions import DECISION_OPERATIONS
from tallystick.gateway.rest.funding import FUNDING_OPERATIONS
from tallystick.gateway.rest.holds import HOLD_OPERATIONS
from tallystick.gateway.rest.inquiries import INQUIRY_OPERATIONS
from tallystick.gateway.rest.institution import INSTITUTION_OPERATIONS
from tallystick.gateway.rest.ledger import LEDGER_OPERATIONS
from tallystick.gateway.rest.ledger_groups import LEDGER_GROUP_OPERATIONS
from tallystick.gateway.rest.ledger_metadata import LEDGER_METADATA_OPERATIONS
from tallystick.gateway.rest.ledger_proofs import PROOF_OPERATIONS
from tallystick.gateway.rest.ledger_reports import LEDGER_REPORT_OPERATIONS
from tallystick.gateway.rest.loans import LOAN_OPERATIONS
from tallystick.gateway.rest.merchant_credit import MERCHANT_CREDIT_OPERATIONS
from tallystick.gateway.rest.notifications import NOTIFICATION_OPERATIONS
from tallystick.gateway.rest.operation import Operation
from tallystick.gateway.rest.parties import PARTY_OPERATIONS
from tallystick.gateway.rest.persons import PERSON_OPERATIONS
from tallystick.gateway.rest.reconciliation import RECONCILIATION_OPERATIONS
from tallystick.gateway.rest.reviews import REVIEW_OPERATIONS
from tallystick.gateway.rest.risk import RISK_OPERATIONS
from tallystick.gateway.rest.scoring import SCORING_OPERATIONS
from tallystick.gateway.rest.statement_files import STATEMENT_FILE_OPERATIONS
from tallystick.gateway.rest.trades import TRADE_OPERATIONS
from tallystick.gateway.rest.wallets import WALLET_OPERATIONS

__all__ = ["OPERATIONS"]

OPERATIONS: Final[tuple[Operation, ...]] = (
    *TRADE_OPERATIONS,
    *HOLD_OPERATIONS,
    *WALLET_OPERATIONS,
    *LEDGER_OPERATIONS,
    *STATEMENT_FILE_OPERATIONS,
    *PERIOD_OPERATIONS,
    *PROOF_OPERATIONS,
    *SCHEDULE_OPERATIONS,
    *MONITOR_OPERATIONS,
    *EXCHANGE_OPERATIONS,
    *LEDGER_REPORT_OPERATIONS,
    *LEDGER_METADATA_OPERATIONS,
    *LEDGER_GROUP_OPERATIONS,
    *PARTY_OPERATIONS,
    *PERSON_OPERATIONS,
    *APP_OPERATIONS,
    *API_KEY_OPERATIONS,
    *NOTIFICATION_OPERATIONS,
    *CREDIT_OPERATIONS,
    *LOAN_OPERATIONS,
    *BILL_OPERATIONS,
    *MERCHANT_CREDIT_OPERATIONS,
    *FUNDING_OPERATIONS,
    *INSTITUTION_OPERATIONS,
    *COLLECTION_OPERATIONS,
    *INQUIRY_OPERATIONS,
    *SCORING_OPERATIONS,
    *RISK_OPERATIONS,
    *RECONCILIATION_OPERATIONS,
    *DECISION_OPERATIONS,
    *REVIEW_OPERATIONS,
    *ANOMALY_OPERATIONS,
    *BLACKLIST_OPERATIONS,
    *BLACKLIST_LOG_OPERATIONS,
)
