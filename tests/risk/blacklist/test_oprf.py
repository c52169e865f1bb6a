"""The oblivious function: the vectors of RFC 9497, another implementation, and cheating."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import voprf.ristretto as other

from tallystick.risk.blacklist.protocol.group import RISTRETTO255, ElementError
from tallystick.risk.blacklist.protocol.oprf import (
    BATCH_MAX,
    Asker,
    Evaluation,
    Keeper,
    ProofError,
    derive_key,
)

# RFC 9497, appendix A.1.2: ristretto255-SHA512, VOPRF mode.
SEED, KEY_INFO = bytes([0xA3] * 32), b"test key"
SECRET = "e6f73f344b79b379f1a0dd37e07ff62e38d9f71345ce62ae3a9bc60b04ccd909"
PUBLIC = "c803e2cc6b05fc15064549b5920659ca4a77b2cca6f04f6b357009335476ad4e"
INPUTS = "00", "5a" * 17
BLINDS = (
    "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706",
    "222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e",
)
OUTPUTS = (
    "b58cfbe118e0cb94d79b5fd6a6dafb98764dff49c14e1770b566e42402da1a7d"
    "a4d8527693914139caee5bd03903af43a491351d23b430948dd50cde10d32b3c",
    "8a9a2f3c7f085b65933594309041fc1898d42d0858e59f90814ae90571a6df60"
    "356f4610bf816f27afdd84f47719e480906d27ecd994985890e5f539e7ea74b6",
)
VECTORS = [
    (  # Test vector 1.
        INPUTS[:1], BLINDS[:1],
        ["863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945"],
        ["aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e"],
        "ddef93772692e535d1a53903db24367355cc2cc78de93b3be5a8ffcc6985dd06"
        "6d4346421d17bf5117a2a1ff0fcb2a759f58a539dfbe857a40bce4cf49ec600d",
        BLINDS[1], OUTPUTS[:1],
    ),
    (  # Test vector 2.
        INPUTS[1:], BLINDS[:1],
        ["cc0b2a350101881d8a4cba4c80241d74fb7dcbfde4a61fde2f91443c2bf9ef0c"],
        ["60a59a57208d48aca71e9e850d22674b611f752bed48b36f7a91b372bd7ad468"],
        "401a0da6264f8cf45bb2f5264bc31e109155600babb3cd4e5af7d181a2c9dc0a"
        "67154fabf031fd936051dec80b0b6ae29c9503493dde7393b722eafdf5a50b02",
        BLINDS[1], OUTPUTS[1:],
    ),
    (  # Test vector 3, a batch of two.
        INPUTS, BLINDS,
        ["863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945",
         "90a0145ea9da29254c3a56be4fe185465ebb3bf2a1801f7124bbbadac751e654"],
        ["aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e",
         "cc5ac221950a49ceaa73c8db41b82c20372a4c8d63e5dded2db920b7eee36a2a"],
        "cc203910175d786927eeb44ea847328047892ddf8590e723c37205cb74600b0a"
        "5ab5337c8eb4ceae0494c2cf89529dcf94572ed267473d567aeed6ab873dee08",
        "419c4f4f5052c53c45f3da494d2b67b220d02118e0857cdbcf037f9ea84bbe0c", OUTPUTS,
    ),
]  # fmt: skip


def number(text: str) -> int:
    return int.from_bytes(bytes.fromhex(text), "little")


def test_the_key_pair_of_the_rfc() -> None:
    key = derive_key(SEED, KEY_INFO)
    assert RISTRETTO255.scalar_bytes(key).hex() == SECRET
    assert Keeper(key).public.hex() == PUBLIC


@pytest.mark.parametrize(
    ("inputs", "blinds", "blinded", "evaluated", "proof", "nonce", "outputs"), VECTORS
)
def test_the_vectors_of_the_rfc(
    inputs: tuple[str, ...], blinds: tuple[str, ...], blinded: list[str], evaluated: list[str],
    proof: str, nonce: str, outputs: tuple[str, ...],
) -> None:  # fmt: skip
    keeper, asker = Keeper(number(SECRET)), Asker(bytes.fromhex(PUBLIC))
    asked = [
        asker.blind(bytes.fromhex(text), number(blind))
        for text, blind in zip(inputs, blinds, strict=True)
    ]
    assert [each.element.hex() for each in asked] == blinded
    evaluation = keeper.evaluate([each.element for each in asked], number(nonce))
    assert [element.hex() for element in evaluation.elements] == evaluated
    assert evaluation.proof.hex() == proof
    assert tuple(o.hex() for o in asker.finish(asked, evaluation)) == outputs
    assert tuple(keeper.output(bytes.fromhex(text)).hex() for text in inputs) == outputs


def test_another_implementation_asks_and_is_asked() -> None:
    keeper = Keeper(number(SECRET))
    client, blinded = other.Client.blind(b"+8613800138000")
    evaluation = keeper.evaluate([blinded.serialize()])
    theirs = other.VerifiableOutput.deserialize(evaluation.proof + evaluation.elements[0])
    key = other.PublicKey.deserialize(keeper.public)
    assert client.finalize(theirs, key) == keeper.output(b"+8613800138000")


def test_the_same_question_gets_the_same_answer_and_blinds_hide_what_is_asked() -> None:
    keeper = Keeper(derive_key(bytes(32), b""))
    asker = Asker(keeper.public)
    one, two = asker.blind(b"x"), asker.blind(b"x")
    assert one.element != two.element
    assert keeper.evaluate([one.element]) == keeper.evaluate([one.element])
    outputs = asker.finish([one, two], keeper.evaluate([one.element, two.element]))
    assert outputs[0] == outputs[1] == keeper.output(b"x")


def test_a_keeper_that_uses_another_key_is_found_out() -> None:
    keeper, liar = Keeper(derive_key(bytes(32), b"1")), Keeper(derive_key(bytes(32), b"2"))
    asker = Asker(keeper.public)
    asked = [asker.blind(b"a"), asker.blind(b"b")]
    elements = [each.element for each in asked]
    honest = keeper.evaluate(elements)
    other_key = liar.evaluate(elements)
    for forged in (
        other_key,
        Evaluation(other_key.elements, honest.proof),
        Evaluation((honest.elements[1], honest.elements[0]), honest.proof),
        Evaluation(honest.elements[:1], honest.proof),
        Evaluation(honest.elements, bytes(64)),
        Evaluation((bytes(32), honest.elements[1]), honest.proof),
    ):
        with pytest.raises(ProofError):
            asker.finish(asked, forged)


@pytest.mark.parametrize("element", [b"", bytes(32), bytes([255] * 32), bytes(31), bytes(33)])
def test_what_is_no_element_is_refused(element: bytes) -> None:
    with pytest.raises(ElementError):
        Keeper(derive_key(bytes(32), b"")).evaluate([element])


def test_a_batch_is_bounded() -> None:
    keeper = Keeper(derive_key(bytes(32), b""))
    for elements in ([], [RISTRETTO255.generator] * (BATCH_MAX + 1)):
        with pytest.raises(ElementError):
            keeper.evaluate(elements)


def test_the_loaded_library_leaves_no_file_behind(tmp_path: Path) -> None:
    module = "tallystick.risk.blacklist.protocol.group"
    code = f"from {module} import RISTRETTO255; RISTRETTO255.of_uniform(bytes(64))"
    env = os.environ | {"TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
    assert list(tmp_path.iterdir()) == []
