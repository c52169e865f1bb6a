"""The verifiable oblivious pseudorandom function of RFC 9497 (mode VOPRF).

The one who asks blinds an input, the one who has the key evaluates what it cannot read and proves
that it used the key that it has announced, and the one who asked takes the blind off. Sections and
names are those of the RFC.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from typing import Final, NamedTuple

from tallystick.risk.blacklist.protocol.group import RISTRETTO255, ElementError, Group

__all__ = [
    "BATCH_MAX", "INPUT_MAX", "Asker", "Blinded", "Evaluation", "Keeper", "OUTPUT_BYTES",
    "ProofError", "derive_key",
]  # fmt: skip

BATCH_MAX: Final = 1000
"""How many elements one proof covers; the RFC allows 65,535."""

INPUT_MAX: Final = 65_535
OUTPUT_BYTES: Final = 64

_HASH_BYTES: Final = 64
_BLOCK_BYTES: Final = 128
_MODE_VOPRF: Final = b"\x01"


class ProofError(ValueError):
    """An evaluation that was not made with the announced key, or was changed on its way."""


def _two(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def _expand(message: bytes, tag: bytes) -> bytes:
    """`expand_message_xmd` of RFC 9380, section 5.3.1, with SHA-512, to 64 bytes."""
    tag_prime = tag + len(tag).to_bytes(1, "big")
    first = hashlib.sha512(
        bytes(_BLOCK_BYTES) + message + _HASH_BYTES.to_bytes(2, "big") + b"\0" + tag_prime
    ).digest()
    return hashlib.sha512(first + b"\1" + tag_prime).digest()


class _Suite:
    """The functions of section 2 and 3 for one group, in the verifiable mode."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.context = b"OPRFV1-" + _MODE_VOPRF + b"-" + group.name.encode()

    def to_group(self, data: bytes) -> bytes:
        """HashToGroup."""
        return self.group.of_uniform(_expand(data, b"HashToGroup-" + self.context))

    def to_scalar(self, data: bytes, tag: bytes = b"HashToScalar-") -> int:
        """HashToScalar."""
        return self.group.scalar_of(_expand(data, tag + self.context))

    def composite_weights(
        self, public: bytes, blinded: Sequence[bytes], evaluated: Sequence[bytes]
    ) -> list[int]:
        """The weights with which ComputeComposites (section 2.2.1) sums a batch."""
        seed = hashlib.sha512(_two(public) + _two(b"Seed-" + self.context)).digest()
        return [
            self.to_scalar(
                _two(seed) + at.to_bytes(2, "big") + _two(before) + _two(after) + b"Composite"
            )
            for at, (before, after) in enumerate(zip(blinded, evaluated, strict=True))
        ]

    def weighted(self, weights: Sequence[int], elements: Sequence[bytes]) -> bytes:
        """The sum of elements, each times its weight."""
        multiply, add = self.group.multiply, self.group.add
        total = multiply(weights[0], elements[0])
        for weight, element in zip(weights[1:], elements[1:], strict=True):
            total = add(total, multiply(weight, element))
        return total

    def challenge(self, public: bytes, parts: Sequence[bytes]) -> int:
        """The challenge of a proof (section 2.2)."""
        transcript = _two(public) + b"".join(_two(part) for part in parts)
        return self.to_scalar(transcript + b"Challenge")

    def finish(self, data: bytes, element: bytes) -> bytes:
        """The function's output from the input and the unblinded element (section 3.3)."""
        return hashlib.sha512(_two(data) + _two(element) + b"Finalize").digest()


def derive_key(seed: bytes, info: bytes, group: Group = RISTRETTO255) -> int:
    """DeriveKeyPair (section 3.2.1): the private key that a seed of 32 bytes stands for."""
    suite = _Suite(group)
    assert len(seed) == 32, len(seed)
    for counter in range(256):
        data = seed + _two(info) + counter.to_bytes(1, "big")
        key = suite.to_scalar(data, b"DeriveKeyPair")
        if key:
            return key
    raise AssertionError("no key came of 256 tries")


class Evaluation(NamedTuple):
    """Evaluated elements in the order in which they were asked for, and the proof (64 bytes)."""

    elements: tuple[bytes, ...]
    proof: bytes


class Keeper:
    """The side with the key."""

    def __init__(self, key: int, group: Group = RISTRETTO255) -> None:
        assert 0 < key < group.order
        self._suite, self._key = _Suite(group), key
        self.public = group.multiply_generator(key)

    def evaluate(self, blinded: Sequence[bytes], nonce: int | None = None) -> Evaluation:
        """Evaluate up to `BATCH_MAX` blinded elements (BlindEvaluate, section 3.3.2).

        The same elements get the very same answer: the proof's nonce is drawn from the key and
        what is proved, as RFC 6979 does for signatures.

        Raises:
            ElementError: one is no element of the group.
        """
        if not 1 <= len(blinded) <= BATCH_MAX:
            raise ElementError(f"a batch has 1 to {BATCH_MAX} elements")
        suite, group = self._suite, self._suite.group
        elements = tuple(group.multiply(self._key, element) for element in blinded)
        weights = suite.composite_weights(self.public, blinded, elements)
        summed = suite.weighted(weights, blinded)
        evaluated = group.multiply(self._key, summed)
        nonce = nonce or self._nonce(summed, evaluated)
        commitments = group.multiply_generator(nonce), group.multiply(nonce, summed)
        challenge = suite.challenge(self.public, (summed, evaluated, *commitments))
        answer = (nonce - challenge * self._key) % group.order
        return Evaluation(elements, group.scalar_bytes(challenge) + group.scalar_bytes(answer))

    def _nonce(self, summed: bytes, evaluated: bytes) -> int:
        secret = self._suite.group.scalar_bytes(self._key)
        drawn = hashlib.sha512(b"nonce" + secret + summed + evaluated).digest()
        return self._suite.group.scalar_of(drawn) or 1

    def output(self, data: bytes) -> bytes:
        """The function of an input that the keeper knows itself (Evaluate): 64 bytes."""
        suite = self._suite
        return suite.finish(data, suite.group.multiply(self._key, suite.to_group(data)))


class Blinded(NamedTuple):
    """An input on its way: what is sent, and what only the asker knows."""

    data: bytes
    blind: int
    element: bytes


class Asker:
    """The side that asks; it knows the keeper's public key."""

    def __init__(self, public: bytes, group: Group = RISTRETTO255) -> None:
        self._suite, self._public = _Suite(group), public

    def blind(self, data: bytes, blind: int | None = None) -> Blinded:
        """Blind an input of at most 65,535 bytes (section 3.3.2)."""
        assert len(data) <= INPUT_MAX, len(data)
        group = self._suite.group
        factor = blind or secrets.randbelow(group.order - 1) + 1
        return Blinded(data, factor, group.multiply(factor, self._suite.to_group(data)))

    def finish(self, asked: Sequence[Blinded], evaluation: Evaluation) -> list[bytes]:
        """The outputs, 64 bytes each, in the order of the inputs (Finalize).

        Raises:
            ProofError: the evaluation was not made with the announced key.
        """
        self._verify([each.element for each in asked], evaluation)
        suite, group = self._suite, self._suite.group
        return [
            suite.finish(each.data, group.multiply(pow(each.blind, -1, group.order), element))
            for each, element in zip(asked, evaluation.elements, strict=True)
        ]

    def _verify(self, blinded: Sequence[bytes], evaluation: Evaluation) -> None:
        """VerifyProof (section 2.2.2)."""
        suite, group = self._suite, self._suite.group
        elements, proof = evaluation
        if len(elements) != len(blinded) or len(proof) != 64 or not blinded:
            raise ProofError("the answer is not of the question's form")
        challenge, answer = (int.from_bytes(proof[at : at + 32], "little") for at in (0, 32))
        if not (0 < challenge < group.order and 0 < answer < group.order):
            raise ProofError("the proof's numbers are out of range")
        try:
            weights = suite.composite_weights(self._public, blinded, elements)
            summed = suite.weighted(weights, blinded)
            evaluated = suite.weighted(weights, elements)
            commitments = (
                group.add(
                    group.multiply_generator(answer), group.multiply(challenge, self._public)
                ),
                group.add(group.multiply(answer, summed), group.multiply(challenge, evaluated)),
            )
        except ElementError as error:
            raise ProofError("the answer has what is no element") from error
        if suite.challenge(self._public, (summed, evaluated, *commitments)) != challenge:
            raise ProofError("the answer was not made with the announced key")
