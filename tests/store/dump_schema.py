"""`python -m tests.store.dump_schema` writes the dumps of earlier schemas that are not there yet.

Each is the dump before it, brought up by one migration. Where a migration makes tables, add rows
to its dump by hand, so that the next one has something to lose.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tallystick.store.schema import migrations

DUMPS = Path(__file__).parent.parent / "data" / "schema"


def main() -> None:
    """Write what is missing; what is there stays as it is."""
    steps = migrations()
    for number, name, sql in steps[:-1]:
        path = DUMPS / f"schema_{number}.sql"
        if path.exists():
            continue
        with sqlite3.connect(":memory:") as connection:
            connection.executescript((DUMPS / f"schema_{number - 1}.sql").read_text("utf-8"))
            connection.executescript(
                f"BEGIN;\n{sql}\nINSERT INTO schema_version VALUES ({number}, '{name}');\nCOMMIT;"
            )
            path.write_text("\n".join(connection.iterdump()) + "\n", "utf-8")
        connection.close()
        print(path.name)


if __name__ == "__main__":
    main()
