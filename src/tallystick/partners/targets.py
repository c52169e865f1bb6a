"""Where notifications may go: never into the platform's own network, unless configured.

A receiver's name is resolved here, its addresses are judged, and the connection is made to an
address that was judged: a name that changes its mind in between gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

import httpx2

__all__ = ["AddressGuard", "Resolver", "SystemResolver", "Target", "TargetRefused", "parse_target"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Awaitable[list[str]]]
"""(host, port) → its addresses; OSError when it has none."""

_URL_MAX: Final = 2048
_PORTS: Final = {"http": 80, "https": 443}
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_TRIED_MAX: Final = 4


class TargetRefused(Exception):
    """Nothing is sent to this address; the message says why in a few words."""


class Target(NamedTuple):
    """A receiver's address in its parts; `host` is ASCII, in lower case, without brackets."""

    url: httpx2.URL
    host: str
    port: int


def parse_target(url: str) -> Target:
    """The parts of a notification address.

    Raises:
        TargetRefused: too long, not http or https, without a host, or with credentials.
    """
    if len(url) > _URL_MAX or not url.isprintable():
        raise TargetRefused("not an address")
    try:
        parsed = httpx2.URL(url)
        host = parsed.raw_host.decode("ascii").lower().strip("[]")
    except (httpx2.InvalidURL, ValueError) as error:
        raise TargetRefused("not an address") from error
    if parsed.scheme not in _PORTS:
        raise TargetRefused("neither http nor https")
    if parsed.userinfo or "@" in parsed.netloc.decode("ascii", "replace"):
        raise TargetRefused("credentials in the address")
    if not host or "%" in host:
        raise TargetRefused("no host")
    return Target(parsed, host, parsed.port or _PORTS[parsed.scheme])


def _inner(address: Address) -> list[Address]:
    """The address itself and the IPv4 addresses that it leads to (RFC 4291, 6052, 3056, 4380)."""
    found = [address]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return [address.ipv4_mapped]
        if address in _NAT64:
            return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
        if address.sixtofour is not None:
            found.append(address.sixtofour)
        if address.teredo is not None:
            found.extend(address.teredo)
    return found


def _kind(address: Address) -> str:
    """Why an address is not of the public network; empty when it is."""
    kinds = {
        "loopback": address.is_loopback,
        "unspecified": address.is_unspecified,
        "link-local": address.is_link_local,
        "multicast": address.is_multicast,
        "private": address.is_private or getattr(address, "is_site_local", False),
        "reserved": address.is_reserved or not address.is_global,
    }
    return next((kind for kind, holds in kinds.items() if holds), "")


class AddressGuard:
    """Judges addresses: public ones, and what is on the allow list.

    Args:
        allow: networks (`10.1.0.0/16`), addresses, and host names, each exactly.

    Raises:
        ValueError: an entry is none of these.
    """

    def __init__(self, allow: Iterable[str] = ()) -> None:
        self._networks: list[Network] = []
        self._hosts: set[str] = set()
        for entry in allow:
            text = entry.strip().lower()
            try:
                self._networks.append(ipaddress.ip_network(text))
            except ValueError:
                if not text or "/" in text or ":" in text:
                    raise ValueError(f"{entry!r} is neither a network nor a host name") from None
                self._hosts.add(text)

    def refusal(self, host: str, address: str) -> str:
        """Why nothing is sent to this address of the host; empty when it may be."""
        if host in self._hosts:
            return ""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return "not an address"
        inner = _inner(parsed)
        if all(any(one in network for network in self._networks) for one in inner):
            return ""
        return next((kind for one in inner if (kind := _kind(one))), "")

    async def allowed_addresses(self, target: Target, resolve: Resolver) -> list[str]:
        """The host's addresses that may be connected to, in the resolver's order, at most 4.

        Raises:
            TargetRefused: it has addresses, and none may be connected to.
            OSError: it has no address now.
        """
        try:
            addresses = [str(ipaddress.ip_address(target.host))]
        except ValueError:
            addresses = list(dict.fromkeys(await resolve(target.host, target.port)))
        judged = [(address, self.refusal(target.host, address)) for address in addresses]
        allowed = [address for address, why in judged if not why]
        if not allowed:
            if not judged:
                raise OSError("no address")
            raise TargetRefused(f"{judged[0][1]} address")
        return allowed[:_TRIED_MAX]


class SystemResolver:
    """Asks the system's resolver on threads of its own, so that a slow name holds up no others.

    Args:
        threads: how many names are looked up at a time.
    """

    def __init__(self, threads: int = 16) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="resolver")

    async def __call__(self, host: str, port: int) -> list[str]:
        """The host's addresses (OSError when it has none)."""
        loop = asyncio.get_running_loop()
        found: Sequence[tuple[object, object, object, object, tuple[object, ...]]]
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return [str(entry[4][0]) for entry in found]

    def close(self) -> None:
        """Let the threads go; what is still being looked up is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
