"""What can be wrong with a request before a command exists, as values.

The sub codes are those of Alipay's public error table ("公共错误码"). Refusals of commands live in
`pipeline.refusals`; `fault_of` turns one of those into what this protocol answers.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from tallystick.pipeline.refusals import REFUSALS, Refusal

__all__ = ["FAULTS", "Fault", "Rejected", "fault", "fault_of"]

_MESSAGES: Final = {
    "10000": "Success",
    "20000": "Service Currently Unavailable",
    "20001": "Insufficient Token Permissions",
    "40001": "Missing Required Arguments",
    "40002": "Invalid Arguments",
    "40003": "Insufficient Conditions",
    "40004": "Business Failed",
    "40005": "Call Limited",
    "40006": "Insufficient Permissions",
}

_V3_STATUSES: Final = {"20000": 500, "20001": 401, "40005": 429, "40006": 403}


class Fault(NamedTuple):
    """One thing that is wrong with a request.

    `detail` names what in particular (a parameter); it never holds secrets.
    """

    code: str
    sub_code: str
    english: str
    chinese: str
    detail: str = ""

    @property
    def message(self) -> str:
        """The protocol's English name of `code`."""
        return _MESSAGES[self.code]

    @property
    def sub_message(self) -> str:
        """Both sentences, and the detail, for a person."""
        text = f"{self.chinese}{self.english}"
        return f"{text} ({self.detail})" if self.detail else text

    @property
    def v3_code(self) -> str:
        """The same code as protocol v3 spells it: without `isv.`, `isp.` or `aop.`."""
        prefix, _, rest = self.sub_code.partition(".")
        return rest if prefix in ("isv", "isp", "aop") else self.sub_code

    @property
    def v3_status(self) -> int:
        """The HTTP status of protocol v3; v2 answers 200 always."""
        return _V3_STATUSES.get(self.code, 400)


class Rejected(NamedTuple):
    """A request that cannot be taken, with what its answer still needs.

    `app_id` and `method` are empty when they could not be read.
    """

    fault: Fault
    app_id: str = ""
    method: str = ""
    charset: str = "utf-8"


_ROWS: Final = [
    ("40001", "isv.missing-app-id", "The parameter app_id is missing.", "缺少appId参数。"),
    ("40001", "isv.missing-charset", "The parameter charset is missing.", "缺少字符集参数。"),
    ("40001", "isv.missing-method", "The parameter method is missing.", "缺少方法名参数。"),
    ("40001", "isv.missing-nonce", "The nonce is missing.", "缺少随机数参数。"),
    ("40001", "isv.missing-parameter", "A required parameter is missing.", "缺少必选参数。"),
    ("40001", "isv.missing-signature", "The signature is missing.", "缺少签名参数。"),
    ("40001", "isv.missing-signature-type",
     "The parameter sign_type is missing.", "缺少签名类型参数。"),
    ("40001", "isv.missing-timestamp", "The timestamp is missing.", "缺少时间戳参数。"),
    ("40001", "isv.missing-version", "The parameter version is missing.", "缺少版本参数。"),
    ("40001", "isv.decryption-error-missing-encrypt-type",
     "The content is encrypted but encrypt_type is missing.", "解密出错，未指定加密算法。"),
    ("40002", "isv.illegal-json", "The content is not valid JSON.", "JSON格式不合法。"),
    ("40002", "isv.invalid-charset",
     "The charset is not supported, or the text is not in it.", "字符集错误。"),
    ("40002", "isv.invalid-content-type",
     "The content type is not supported.", "不支持的内容类型。"),
    ("40002", "isv.invalid-encrypt-type",
     "The encryption type is not supported; use AES.", "无效的加密类型，仅支持AES。"),
    ("40002", "isv.invalid-format", "The format is not supported; use JSON.",
     "无效的数据格式，仅支持JSON。"),
    ("40002", "isv.invalid-method", "There is no such method.", "不存在的方法名。"),
    ("40002", "isv.invalid-parameter", "A parameter is not valid.", "参数无效。"),
    ("40002", "isv.invalid-signature",
     "The signature does not fit the request and the app's public key.", "无效签名。"),
    ("40002", "isv.invalid-signature-type",
     "The signature type is not supported; use RSA2.", "无效的签名类型，仅支持RSA2。"),
    ("40002", "isv.invalid-timestamp",
     "The timestamp is not valid, or not of this time.", "非法的时间戳参数。"),
    ("40002", "isv.invalid-version", "The version is not supported; use 1.0.",
     "无效的版本参数，仅支持1.0。"),
    ("40002", "isv.decryption-error-not-valid-encrypt-key",
     "The app has no encryption key.", "解密出错，未配置加密密钥。"),
    ("40002", "isv.decryption-error-unknown",
     "The content cannot be decrypted.", "解密出错，密文不合法。"),
]  # fmt: skip

FAULTS: Final[dict[str, Fault]] = {row[1]: Fault(*row) for row in _ROWS}


def fault(sub_code: str, detail: str = "") -> Fault:
    """The table's row for a sub code, with what in particular was wrong."""
    row = FAULTS[sub_code]
    return row._replace(detail=detail) if detail else row


def fault_of(refusal: Refusal) -> Fault:
    """What this protocol answers when the pipeline refuses a command."""
    kind = REFUSALS[refusal.code]
    return Fault(kind.alipay_code, kind.sub_code, kind.english, kind.chinese, refusal.detail)
