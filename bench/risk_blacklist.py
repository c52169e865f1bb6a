"""The shared blacklist: one question, a batch against millions, beside what others would use.

The set is made of random tags, as the function's outputs are to whoever has not the key, and of
true entries for the hits. Beside it, in the same run: private set intersection by ECDH
(`openmined.psi`) on fewer identifiers, since its cost grows with the set, and plain hashing with a
key, which hides nothing from the one that is asked.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np

from bench.report import Figure, say
from tallystick.risk.blacklist.protocol.identifiers import IdentifierKind, input_of
from tallystick.risk.blacklist.protocol.listed import (
    Finding,
    ListedSet,
    hide,
    key_of_tag,
    pad_key_of,
    tag_of,
)
from tallystick.risk.blacklist.protocol.oprf import BATCH_MAX, Asker, Keeper, derive_key

__all__ = ["blacklist_figures"]

_KEY = derive_key(bytes(32), b"bench")
_HIT_EVERY = 100


def _phone(number: int) -> str:
    return f"138{number:08d}"


def _make_set(path: Path, size: int, asked: int) -> int:
    """A set of a size that has every hundredth of the asked; how many those are."""
    keeper, hits = Keeper(_KEY), range(0, asked, _HIT_EVERY)
    drawn = np.random.default_rng(1)
    tags = drawn.integers(0, 2**64, size, np.uint64)
    nonces = np.arange(size, dtype=np.uint32)
    hidden = drawn.integers(0, 2**32, size, np.uint32)
    for at, number in enumerate(hits):
        pad_key = pad_key_of(keeper.output(input_of(IdentifierKind.PHONE, _phone(number))))
        tags[at] = key_of_tag(tag_of(pad_key))
        hidden[at] = hide(Finding(2, 1, False), pad_key, at)
    order = np.argsort(tags, kind="stable")
    content = ListedSet(size, tags[order], nonces[order], hidden[order])
    path.write_bytes(content.to_bytes())
    return len(hits)


def _batch(path: Path, asked: int) -> dict[str, float]:
    """Ask about many, both sides in this process: seconds of each step, and peak memory."""
    keeper = Keeper(_KEY)
    asker = Asker(keeper.public)
    inputs = [input_of(IdentifierKind.PHONE, _phone(number)) for number in range(asked)]
    cuts = [inputs[at : at + BATCH_MAX] for at in range(0, asked, BATCH_MAX)]

    def outputs(part: list[bytes]) -> list[bytes]:
        blinded = [asker.blind(data) for data in part]
        return asker.finish(blinded, keeper.evaluate([each.element for each in blinded]))

    began, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(2) as pool:
        found = [output for part in pool.map(outputs, cuts) for output in part]
    spent, spent_cpu = time.perf_counter() - began, time.process_time() - cpu
    began = time.perf_counter()
    hits = ListedSet.open(path).find_many(found)
    looked = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"s": spent, "cpu_s": spent_cpu, "look_s": looked, "hits": len(hits), "rss_mb": peak}


def _single(path: Path, times: int) -> list[float]:
    """Seconds of single questions, both sides, from the identifier to what is said."""
    keeper = Keeper(_KEY)
    asker, content = Asker(keeper.public), ListedSet.open(path)
    spent = []
    for number in range(times):
        began = time.perf_counter()
        asked = asker.blind(input_of(IdentifierKind.PHONE, _phone(number)))
        (output,) = asker.finish([asked], keeper.evaluate([asked.element]))
        content.find(output)
        spent.append(time.perf_counter() - began)
    return spent


def _intersection(size: int) -> tuple[float, float]:
    """CPU seconds of openmined.psi: to make the set, an identifier; to ask, an identifier."""
    import private_set_intersection.python as psi

    texts = [_phone(number) for number in range(size)]
    client = psi.client.CreateWithNewKey(True)
    server = psi.server.CreateWithNewKey(True)
    began = time.process_time()
    setup = server.CreateSetupMessage(1e-9, size, texts, psi.DataStructure.GCS)
    made = time.process_time() - began
    answer = server.ProcessRequest(client.CreateRequest(texts))
    found = client.GetIntersection(setup, answer)
    assert len(found) == size
    return made / size, (time.process_time() - began - made) / size


def _plain(path: Path, asked: int) -> float:
    """Seconds of the same batch with a keyed hash in the function's place."""
    content, key = ListedSet.open(path), os.urandom(32)
    began = time.perf_counter()
    content.find_many([hmac.digest(key, _phone(n).encode(), hashlib.sha512) for n in range(asked)])
    return time.perf_counter() - began


def blacklist_figures(quick: bool = False) -> dict[str, Figure]:
    """The figures of the shared blacklist.

    Args:
        quick: a small set, to see that it runs.
    """
    size, asked, times = (100_000, 2_000, 200) if quick else (10_000_000, 100_000, 2_000)
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as folder:
        path = Path(folder) / "set"
        expected = _make_set(path, size, asked)
        spent = statistics.quantiles(_single(path, times), n=100)
        say(f"one question: {spent[49] * 1000:.2f} ms")
        command = [sys.executable, "-m", "bench.risk_blacklist", str(path), str(asked)]
        ran = subprocess.run(command, check=True, capture_output=True)
        found = msgspec.json.decode(ran.stdout, type=dict[str, float])
        assert found["hits"] == expected, (found, expected)
        say(f"{asked:,} questions: {found['s']:.1f} s")
        plain = _plain(path, asked)
        made, theirs = _intersection(1_000 if quick else 5_000)
    ours = found["cpu_s"] / asked
    against = f"{asked:,} identifiers against {size:,}"
    return {
        "blacklist.single_p50_ms": Figure(spent[49] * 1000, "ms", "both sides, without a network"),
        "blacklist.single_p99_ms": Figure(spent[98] * 1000, "ms", "both sides, without a network"),
        "blacklist.batch_s": Figure(found["s"] + found["look_s"], "s", f"{against}, both sides"),
        "blacklist.batch_look_s": Figure(found["look_s"], "s", "of it looking up in the set"),
        "blacklist.batch_rss_mb": Figure(found["rss_mb"], "MB", "peak resident memory, both sides"),
        "blacklist.set_mb": Figure((24 + 16 * size) / 1e6, "MB", "the set as it is copied"),
        "blacklist.question_us": Figure(ours * 1e6, "us", "CPU of one in the batch, both sides"),
        "blacklist.psi_question_us": Figure(theirs * 1e6, "us", "the same by openmined.psi"),
        "blacklist.psi_tag_us": Figure(made * 1e6, "us", "CPU of it to put one into a set"),
        "blacklist.vs_psi": Figure(
            ours / theirs, "", "times its work for a question; ours proves the key, theirs does not"
        ),
        "blacklist.vs_plain_hash": Figure(
            (found["s"] + found["look_s"]) / plain, "", "times a keyed hash, which hides nothing"
        ),
    }  # fmt: skip


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(_batch(Path(sys.argv[1]), int(sys.argv[2]))))
