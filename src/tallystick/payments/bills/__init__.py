"""Bills: what an app's merchant downloads to reconcile a day or a month."""

from tallystick.payments.bills.archive import bill_file_name, bill_stream, bill_zip
from tallystick.payments.bills.link import BILL_PATH, bill_link, verify_link
from tallystick.payments.bills.period import BillPeriod, bill_period
from tallystick.payments.bills.proof import BillProof, bill_proof

__all__ = [
    "BILL_PATH", "BillPeriod", "BillProof", "bill_file_name", "bill_link", "bill_period",
    "bill_proof", "bill_stream", "bill_zip", "verify_link",
]  # fmt: skip
