"""Texts of the pages on which a person proves themselves."""

from __future__ import annotations

from typing import Final

__all__ = ["PROVING"]

PROVING: Final[dict[str, tuple[str, str]]] = {
    "wallet.place.security": ("Security", "安全中心"),
    "security.level": ("Your account's level", "账户等级"),
    "security.level_0": ("Password only", "仅密码"),
    "security.level_1": ("A way to prove yourself", "已绑定验证方式"),
    "security.level_2": ("Document checked", "已核验证件"),
    "security.level_3": ("Document and face checked", "已实人认证"),
    "security.limits": ("What you may pay out", "付款限额"),
    "security.no_limit": ("No limit", "不限"),
    "security.single": ("At once", "单笔"),
    "security.day": ("A day", "每日"),
    "security.year": ("A year", "每年"),
    "security.lifetime": ("In all", "累计"),
    "security.ways": ("Ways to prove yourself", "验证方式"),
    "security.none": (
        "None yet. With one, nobody who only knows your password can take your account.",
        "尚未绑定。绑定后，仅知道密码的人无法控制您的账户。",
    ),
    "security.kind.totp": ("Code generator", "动态口令"),
    "security.kind.passkey": ("Passkey", "通行密钥"),
    "security.kind.phone": ("Phone", "手机"),
    "security.since": ("since", "绑定于"),
    "security.cooling": ("usable from", "可用时间"),
    "security.remove": ("Remove", "解绑"),
    "security.add": ("Add a way", "添加验证方式"),
    "security.add_hint": (
        "Your payment password is asked for, and a proof once you have bound something.",
        "需输入支付密码；已有验证方式时，还需先通过验证。",
    ),
    "security.add_generator": ("Add a code generator", "添加动态口令"),
    "security.add_passkey": ("Add a passkey", "添加通行密钥"),
    "security.add_phone": ("Add a phone", "添加手机"),
    "security.phone": ("Phone number", "手机号"),
    "security.phone_hint": ("With + and country code, or 11 digits", "11位手机号，或带国家代码"),
    "security.passkey_label": ("Name of the device", "设备名称"),
    "security.no_passkeys": (
        "Passkeys need an address with a name, such as localhost.",
        "通行密钥需使用域名地址（如 localhost）访问。",
    ),
    "security.document": ("Your document", "身份证件"),
    "security.document_done": ("Checked", "已核验"),
    "security.face_done": ("Face checked", "人脸已核验"),
    "security.number": ("National id", "身份证号码"),
    "security.photo": ("Photo of your face (JPEG or PNG)", "人脸照片（JPEG 或 PNG）"),
    "security.check": ("Have it checked", "提交核验"),
    "security.recovery": (
        "Somebody asked to take your ways to prove yourself away.",
        "有人申请清除您的验证方式。",
    ),
    "security.recovery_due": ("It happens at", "生效时间"),
    "security.keep": ("It was not me: keep them", "非本人操作，取消申请"),
    "generator.title": ("Scan with your generator", "用动态口令应用扫描"),
    "generator.typed": ("Or type this secret", "或手动输入密钥"),
    "generator.first": ("The six digits it shows", "输入显示的六位数字"),
    "generator.confirm": ("Confirm", "确认"),
    "phone.title": ("Code sent", "验证码已发送"),
    "phone.to": ("To", "发送至"),
    "verify.title": ("Prove that it is you", "验证身份"),
    "verify.why": (
        "Something about this is unusual. Prove yourself once, then it goes on.",
        "本次操作有些异常，请验证身份后继续。",
    ),
    "verify.left": ("Time left", "剩余时间"),
    "verify.code": ("Six digits", "六位数字"),
    "verify.send": ("Send a code to", "发送验证码至"),
    "verify.check": ("Check", "验证"),
    "verify.passkey": ("Use a passkey", "使用通行密钥"),
    "verify.none": ("None of your ways can be used now.", "目前没有可用的验证方式。"),
    "verify.lost": ("I have lost them all", "验证方式都不可用？"),
    "verify.done": ("Thank you, it is you.", "验证成功。"),
    "verify.go_back": (
        "You can close this page and go back to the shop.",
        "您可以关闭本页并返回商家。",
    ),
    "recover.title": ("Recover your account", "找回账户"),
    "recover.how": (
        "Show your password, your document and your face. A day later what was bound is taken "
        "away; until then whoever signs in can stop it, and your phones are told.",
        "请提供登录密码、身份证和人脸照片。24小时后清除原有验证方式；期间本人登录可取消，并会短信通知您的手机。",
    ),
    "recover.ask": ("Ask for recovery", "申请找回"),
    "recover.waiting": ("Your request is in. It takes effect at", "申请已提交，生效时间"),
    "notice.factor_added": ("It is bound.", "绑定成功。"),
    "notice.factor_removed": ("It is removed.", "已解绑。"),
    "notice.factor_wanted": (
        "This takes a proof that it is you. Bind a way to prove yourself first. It counts for this "
        "after a day, a code generator or passkey at once when your document and face are checked.",
        "该操作需要验证身份，请先绑定验证方式。新绑定的方式24小时后可用于本次验证；"
        "完成证件和人脸核验后，动态口令或通行密钥可立即使用。",
    ),
    "notice.document_checked": ("Your document is checked.", "证件核验成功。"),
    "notice.recovery_cancelled": ("The request is stopped; all stays bound.", "已取消找回申请。"),
    "notice.proved": ("It is you. Do it once more.", "验证成功，请继续操作。"),
}
