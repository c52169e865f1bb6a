"""`script/bench NAME [--json | --markdown] [--quick] [--only PART,…]`: runs a module from here."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys

import bench
from bench.report import Options, print_markdown, print_report

_NOT_BENCHES = frozenset({"__main__", "report"})


def is_bench(name: str) -> bool:
    """Whether a module of this folder has a `run`. No other is imported: what is measured shares
    its memory with nothing that it does not use."""
    there = any(module.name == name for module in pkgutil.iter_modules(bench.__path__))
    known = there and name not in _NOT_BENCHES
    return known and hasattr(importlib.import_module(f"bench.{name}"), "run")


def benches() -> list[str]:
    """The names of the benchmarks."""
    return sorted(m.name for m in pkgutil.iter_modules(bench.__path__) if is_bench(m.name))


def main() -> int:
    """Run one benchmark, or list them; exit code 2 for one that is not there."""
    parser = argparse.ArgumentParser(prog="script/bench", description=bench.__doc__)
    parser.add_argument("name", nargs="?", help="which benchmark")
    parser.add_argument("--json", action="store_true", help="one flat JSON object")
    parser.add_argument("--markdown", action="store_true", help="a table for a document")
    parser.add_argument("--quick", action="store_true", help="small: only shows that it works")
    parser.add_argument("--only", default="", help="parts, separated by commas")
    arguments = parser.parse_args()
    if arguments.name is None:
        for name in benches():
            says = (importlib.import_module(f"bench.{name}").__doc__ or "").strip().splitlines()[0]
            print(f"{name:16}{says}")
        return 0
    if not is_bench(arguments.name):
        print(f"script/bench: name one of: {', '.join(benches())}", file=sys.stderr)
        return 2
    only = frozenset(part for part in arguments.only.split(",") if part)
    run = importlib.import_module(f"bench.{arguments.name}").run
    report = run(Options(quick=arguments.quick, only=only))
    if arguments.markdown:
        print_markdown(report, f"script/bench {arguments.name}")
    else:
        print_report(report, as_json=arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
