"""Typed values of bytes and plain values, on several threads that meet a type first together."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import msgspec
import pytest

from tallystick.decoding import convert, decode_json, decode_msgpack, json_decoder, msgpack_decoder

TOGETHER = """
    import sys
    import threading

    import msgspec

    from tallystick.decoding import (
        convert, decode_json, decode_msgpack, json_decoder, msgpack_decoder,
    )

    sys.setswitchinterval(1e-6)
    inner = {f"amount_{i}": i for i in range(10)}
    outer = {f"leg_{i}": inner for i in range(10)}
    text, packed = msgspec.json.encode(outer), msgspec.msgpack.encode(outer)
    ways = [
        lambda kind: decode_json(text, kind),
        lambda kind: decode_msgpack(packed, kind),
        lambda kind: convert(outer, kind),
        lambda kind: json_decoder(kind)(text),
        lambda kind: msgpack_decoder(kind)(packed),
    ]
    found = []
    for round in range(200):
        names = [(name, int) for name in inner]
        leg = msgspec.defstruct("Leg", names)
        kind = msgspec.defstruct("Entry", [(name, leg) for name in outer])
        gate = threading.Barrier(len(ways))

        def meet(way):
            gate.wait()
            found.append(msgspec.to_builtins(way(kind)) == outer)

        threads = [threading.Thread(target=meet, args=(way,)) for way in ways]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print(len(found), all(found))
"""


def test_threads_that_meet_a_type_first_together_all_get_it_whole() -> None:
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(TOGETHER)],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stdout.strip()) == (0, "1000 True"), run.stderr[-2000:]


class Leg(msgspec.Struct):
    amount: int


def test_a_type_is_known_for_every_way_and_no_type_is_plain_values() -> None:
    assert decode_json('{"amount": 5}') == {"amount": 5}
    assert decode_json('[{"amount": 5}]', list[Leg]) == [Leg(5)]
    assert decode_msgpack(msgspec.msgpack.encode(Leg(5))) == {"amount": 5}
    assert decode_msgpack(msgspec.msgpack.encode(Leg(5)), Leg) == Leg(5)
    assert convert({"amount": "5"}, Leg, strict=False) == Leg(5)
    assert json_decoder(Leg, strict=False)('{"amount": "5"}') == Leg(5)
    assert msgpack_decoder(tuple[Leg, ...])(msgspec.msgpack.encode([Leg(5)])) == (Leg(5),)


def test_what_is_not_of_the_type_is_said() -> None:
    with pytest.raises(msgspec.ValidationError, match="Expected `int`"):
        decode_json('{"amount": "5"}', Leg)
    with pytest.raises(msgspec.ValidationError, match="Expected `int`"):
        convert({"amount": "5"}, Leg)
    with pytest.raises(msgspec.DecodeError):
        decode_msgpack(b"\xc1", Leg)
