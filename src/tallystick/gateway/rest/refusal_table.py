"""The table of refusals for people: as a page that problems link to, and as a document.

`python -m tallystick.gateway.rest.refusal_table > docs/refusals.md` writes the document anew.
"""

from __future__ import annotations

import sys
from html import escape
from typing import Final

from tallystick.pipeline.refusals import REFUSALS, RefusalKind

__all__ = ["refusals_markdown", "refusals_rows_html"]

_INTRODUCTION: Final = """\
# Refusals

What cannot be done is refused with a stable code, and nothing has changed. REST answers with a
problem (RFC 9457) whose `type` links here and whose `code` is the one below; the partner gateway
answers with its own `code` and `sub_code`. `detail` says more where there is more to say.

This page is made from `src/tallystick/pipeline/refusals.py`; a running server shows it at
`/docs/refusals`.

| code | HTTP | gateway | sentence | 中文 |
|---|---|---|---|---|
"""


def _row(kind: RefusalKind) -> str:
    gateway = f"`{kind.alipay_code}` `{kind.sub_code}`"
    code = f'<a id="{kind.code}"></a>`{kind.code}`'
    return f"| {code} | {kind.http_status} | {gateway} | {kind.english} | {kind.chinese} |"


def refusals_markdown() -> str:
    """The document `docs/refusals.md`."""
    return _INTRODUCTION + "".join(f"{_row(kind)}\n" for kind in REFUSALS.values())


def refusals_rows_html() -> str:
    """The rows of the page's table; a code is the address of its row."""
    return "\n".join(
        f'<tr id="{kind.code}"><th scope="row"><a href="#{kind.code}">{kind.code}</a></th>'
        f"<td>{kind.http_status}</td>"
        f'<td>{escape(kind.english)}<br><span lang="zh">{escape(kind.chinese)}</span></td>'
        f"<td><code>{kind.alipay_code}</code> <code>{kind.sub_code}</code></td></tr>"
        for kind in REFUSALS.values()
    )


if __name__ == "__main__":
    sys.stdout.write(refusals_markdown())
