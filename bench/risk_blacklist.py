"""The shared blacklist: one question, a batch against millions, beside what others would use.

Every one of the set's identifiers is evaluated by the oblivious function, by all cores. Beside it,
in the same run: the multiplications that a question cannot do without, by the library alone;
private set intersection by ECDH (`openmined.psi`) on fewer identifiers, since its cost grows with
the set; and plain hashing with a key, which hides nothing from the one that is asked.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from tests.gateway.rest.rest_client import Rest
from tests.server_process import ServerProcess

from bench.report import Figure, say
from tallystick.decoding import decode_json
from tallystick.risk.blacklist.asking import ListClient
from tallystick.risk.blacklist.protocol.group import RISTRETTO255
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
_BUCKET = 152
_SERVED = 1_000


def _listed(number: int) -> str:
    return f"139{number:08d}"


def _asked(number: int, size: int) -> str:
    """Whom a batch asks about: every hundredth is listed."""
    return f"138{number:08d}" if number % _HIT_EVERY else _listed(number * 97 % size)


class _Part(NamedTuple):
    """Columns of some of the set's tags, in no order; and the memory that they took, in MB."""

    tags: NDArray[np.uint64]
    hidden: NDArray[np.uint32]
    rss_mb: float


def _rss_mb() -> float:
    """Peak resident memory of this process alone; `ru_maxrss` remembers who started it."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _evaluated(begin: int, end: int) -> _Part:
    """The tags of listed phones from `begin` to before `end`; the nonce is the phone's number."""
    keeper, finding = Keeper(_KEY), Finding(2, 1, False)
    tags = np.empty(end - begin, np.uint64)
    hidden = np.empty(end - begin, np.uint32)
    for at, number in enumerate(range(begin, end)):
        pad_key = pad_key_of(keeper.output(input_of(IdentifierKind.PHONE, _listed(number))))
        tags[at] = key_of_tag(tag_of(pad_key))
        hidden[at] = hide(finding, pad_key, number)
    return _Part(tags, hidden, _rss_mb())


def _make_set(path: Path, size: int) -> tuple[float, float]:
    """Evaluate a whole set into a file: the seconds, and the processes' memory together in MB."""
    cores, cut = os.cpu_count() or 1, max(1, size // 50)
    begins = range(0, size, cut)
    began, parts = time.perf_counter(), []
    with ProcessPoolExecutor(cores, get_context("spawn")) as pool:
        for part in pool.map(_evaluated, begins, (min(size, at + cut) for at in begins)):
            parts.append(part)
            if len(parts) % 10 == 0:
                say(f"{len(parts) * cut:,} evaluated after {time.perf_counter() - began:.0f} s")
    tags = np.concatenate([part.tags for part in parts])
    order = np.argsort(tags, kind="stable")
    hidden = np.concatenate([part.hidden for part in parts])[order]
    content = ListedSet(size, tags[order], order.astype(np.uint32), hidden)
    path.write_bytes(content.to_bytes())
    spent = time.perf_counter() - began
    return spent, _rss_mb() + cores * max(part.rss_mb for part in parts)


def _batch(path: Path, asked: int) -> dict[str, float]:
    """Ask about many, both sides in this process: seconds of each step, and peak memory."""
    keeper = Keeper(_KEY)
    asker = Asker(keeper.public)
    content = ListedSet.open(path)
    texts = [_asked(number, len(content.tags)) for number in range(asked)]
    inputs = [input_of(IdentifierKind.PHONE, text) for text in texts]
    cuts = [inputs[at : at + BATCH_MAX] for at in range(0, asked, BATCH_MAX)]

    def outputs(part: list[bytes]) -> tuple[list[bytes], int, int]:
        """What the questions come to, and the bytes sent and received for them."""
        blinded = [asker.blind(data) for data in part]
        evaluation = keeper.evaluate([each.element for each in blinded])
        sent = len(msgspec.json.encode({"elements": [each.element.hex() for each in blinded]}))
        told = {"elements": [each.hex() for each in evaluation.elements],
                "proof": evaluation.proof.hex(), "quota": 0}  # fmt: skip
        return asker.finish(blinded, evaluation), sent, len(msgspec.json.encode(told))

    began, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(outputs, cuts))
    spent, spent_cpu = time.perf_counter() - began, time.process_time() - cpu
    found = [output for part, _, _ in answers for output in part]
    began = time.perf_counter()
    hits = content.find_many(found)
    looked = time.perf_counter() - began
    return {
        "s": spent, "cpu_s": spent_cpu, "look_s": looked, "hits": len(hits), "rss_mb": _rss_mb(),
        "sent": sum(sent for _, sent, _ in answers),
        "received": sum(received for _, _, received in answers),
    }  # fmt: skip


def _single(path: Path, times: int) -> list[float]:
    """Seconds of single questions, both sides, from the identifier to what is said."""
    keeper = Keeper(_KEY)
    asker, content = Asker(keeper.public), ListedSet.open(path)
    spent = []
    for number in range(times):
        began = time.perf_counter()
        text = _asked(number, len(content.tags))
        asked = asker.blind(input_of(IdentifierKind.PHONE, text))
        (output,) = asker.finish([asked], keeper.evaluate([asked.element]))
        content.find(output)
        spent.append(time.perf_counter() - began)
    return spent


def _served(folder: Path, times: int) -> tuple[list[float], int]:
    """Seconds of single questions of a member at a server that is a process, and their bytes.

    Its bucket is as large as one of ten million tags: the question does not see the rest.
    """
    server = ServerProcess(folder / "data").start()
    rest = Rest.of(server)
    try:
        base = "/v1/risk/blacklist"
        rest.done(f"{base}/open", {"origin": "list.example"})
        key = rest.with_key("blacklist:write", "blacklist:read").key
        rest.done(
            f"{base}/members",
            {
                "member_id": "alpha",
                "name": "Alpha",
                "quota": 100_000,
                "key_id": key.split("_")[1],
                "per_minute": 1_000_000,
            },
        )
        with ListClient(server.base_url, key) as client:
            until_ms = time.time_ns() // 1_000_000 + 86_400_000
            for number in range(_BUCKET):
                client.publish(IdentifierKind.PHONE, _listed(number), reason="mule_account",
                               severity=1, evidence=b"", until_ms=until_ms)  # fmt: skip
            before, spent = client.bytes_carried, []
            for number in range(times):
                began = time.perf_counter()
                (found,) = client.ask(IdentifierKind.PHONE, [_asked(number, _BUCKET)])
                spent.append(time.perf_counter() - began)
                assert (found is not None) == (number % _HIT_EVERY == 0)
            return spent, (client.bytes_carried - before) // times
    finally:
        rest.hang_up()
        server.stop()


def _primitive(times: int) -> float:
    """CPU seconds of what a question cannot do without: a hash to the group, three products."""
    scalar = derive_key(bytes(32), b"raw")
    began = time.process_time()
    for number in range(times):
        element = RISTRETTO255.of_uniform(hashlib.sha512(str(number).encode()).digest())
        for _ in range(3):
            element = RISTRETTO255.multiply(scalar, element)
    return (time.process_time() - began) / times


def _intersection(size: int) -> tuple[float, float]:
    """CPU seconds of openmined.psi: to make the set, an identifier; to ask, an identifier."""
    import private_set_intersection.python as psi

    texts = [_listed(number) for number in range(size)]
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
    texts = [_asked(number, len(content.tags)) for number in range(asked)]
    content.find_many([hmac.digest(key, text.encode(), hashlib.sha512) for text in texts])
    return time.perf_counter() - began


def blacklist_figures(quick: bool = False) -> dict[str, Figure]:
    """The figures of the shared blacklist.

    Args:
        quick: a small set, to see that it runs.
    """
    size, asked, times = (100_000, 2_000, 200) if quick else (10_000_000, 100_000, 2_000)
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as folder:
        path = Path(folder) / "set"
        made_s, made_mb = _make_set(path, size)
        say(f"a set of {size:,}: {made_s:.0f} s")
        spent = statistics.quantiles(_single(path, times), n=100)
        say(f"one question: {spent[49] * 1000:.2f} ms")
        command = [sys.executable, "-m", "bench.risk_blacklist", str(path), str(asked)]
        ran = subprocess.run(command, check=True, capture_output=True)
        found = decode_json(ran.stdout, dict[str, float])
        assert found["hits"] == -(-asked // _HIT_EVERY), found
        say(f"{asked:,} questions: {found['s']:.1f} s")
        served, carried = _served(Path(folder), _SERVED)
        over_http = statistics.quantiles(served, n=100)
        say(f"one question over HTTP: {over_http[49] * 1000:.1f} ms")
        plain = _plain(path, asked)
        raw = _primitive(200 if quick else 5_000)
        made, theirs = _intersection(1_000 if quick else 5_000)
    ours = found["cpu_s"] / asked
    against, both = f"{asked:,} identifiers against {size:,}", "both sides, without a network"
    whole = found["s"] + found["look_s"]
    return {
        "blacklist.single_p50_ms": Figure(spent[49] * 1000, "ms", both),
        "blacklist.single_p99_ms": Figure(
            spent[98] * 1000, "ms", f"{both}; {spent[98] / 0.020:.2g} of 20 ms"
        ),
        "blacklist.served_p50_ms": Figure(
            over_http[49] * 1000, "ms", "over HTTP: paid, recorded and synced, then its bucket"
        ),
        "blacklist.served_p99_ms": Figure(
            over_http[98] * 1000, "ms", f"the same; {over_http[98] / 0.020:.2g} of 20 ms"
        ),
        "blacklist.served_bytes": Figure(carried, "B", "bodies of one question, both ways"),
        "blacklist.batch_s": Figure(whole, "s", f"{against}, both sides"),
        "blacklist.batch_look_s": Figure(found["look_s"], "s", "of it looking up in the set"),
        "blacklist.batch_rss_mb": Figure(found["rss_mb"], "MB", "peak resident memory, both sides"),
        "blacklist.batch_sent_mb": Figure(found["sent"] / 1e6, "MB", "bodies that the asker sends"),
        "blacklist.batch_received_mb": Figure(
            found["received"] / 1e6, "MB", "bodies that it gets, proofs included"
        ),
        "blacklist.set_mb": Figure((24 + 16 * size) / 1e6, "MB", "the set, copied once"),
        "blacklist.set_make_s": Figure(
            made_s, "s", f"to evaluate all {size:,} of it on {os.cpu_count()} cores"
        ),
        "blacklist.set_make_rss_mb": Figure(made_mb, "MB", "peak memory of those processes"),
        "blacklist.question_us": Figure(ours * 1e6, "us", "CPU of one in the batch, both sides"),
        "blacklist.raw_question_us": Figure(
            raw * 1e6, "us", "a hash to the group and three products by libsodium: the raw limit"
        ),
        "blacklist.vs_raw": Figure(ours / raw, "", "times the raw limit; the rest is the proof"),
        "blacklist.psi_question_us": Figure(theirs * 1e6, "us", "the same by openmined.psi"),
        "blacklist.psi_tag_us": Figure(made * 1e6, "us", "CPU of it to put one into a set"),
        "blacklist.vs_psi": Figure(
            ours / theirs, "", "times its work for a question; ours proves the key, theirs does not"
        ),
        "blacklist.vs_plain_hash": Figure(
            whole / plain, "", "times a keyed hash, which hides nothing"
        ),
    }  # fmt: skip


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(_batch(Path(sys.argv[1]), int(sys.argv[2]))))
