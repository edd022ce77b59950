"""Where the platform may send a call: addresses read strictly, and networks that nobody outside may lead us into."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from .errors import InvalidInput

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

ALLOW_SETTING: Final = "MODELOPS_OUTGOING_ALLOW"
LONGEST_URL: Final = 2000


class OutgoingRefused(InvalidInput):
    """The platform does not send this call; trying again cannot help."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address taken apart: where to connect, and what to ask for."""

    scheme: str
    host: str  # a name in lower case without its last dot, or an address in its one form
    port: int
    path: str  # with the query

    @property
    def literal(self) -> Address | None:
        """The host, when it is an address and no name."""
        return _address(self.host)

    @property
    def netloc(self) -> str:
        """Host and, unless it is the usual one, port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port: all that may be shown or logged, since a path can hold a secret."""
        return f"{self.scheme}://{self.netloc}"


_PORTS: Final = {"http": 80, "https": 443}
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[a-z0-9._~!$&'()*+,;=:@%/-]*)?(?P<query>\?[a-z0-9._~!$&'()*+,;=:@%/?-]*)?",
    re.IGNORECASE | re.ASCII,  # without the second, the Kelvin sign is a k
)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def parse_target(url: str) -> Target:
    """Take an address apart, refusing every form that two readers could read differently.

    No user name, no fragment, no backslash, no letters beyond ASCII (a name is written in its `xn--` form), no
    address but in its usual form (not `0x7f.1`, not `2130706433`), no zone. Raises OutgoingRefused.
    """
    found = _URL.fullmatch(url) if len(url) <= LONGEST_URL else None
    if found is None:
        raise OutgoingRefused(
            f"{_shown(url)!r} is not an address that can be called.",
            remedy="Write https://host/path in plain letters, without user name, fragment or spaces.",
            field="url",
        )
    scheme = found["scheme"].lower()
    host = _checked_host(found["host"])
    port = int(found["port"]) if found["port"] else _PORTS[scheme]
    if not 1 <= port <= 65535:
        raise _bad_host(f"{host}:{port}", "a port is between 1 and 65535")
    return Target(scheme, host, port, (found["path"] or "/") + (found["query"] or ""))


def _shown(url: str) -> str:
    """Return what of a bad address may be shown: no query, no user name, not too much."""
    return url.partition("?")[0].rpartition("@")[2][:100]


def _bad_host(host: str, why: str) -> OutgoingRefused:
    return OutgoingRefused(
        f"{host!r} is not a host that can be called: {why}.",
        remedy="Write the full name of the host, or its address in the usual form.",
        field="url",
    )


def _checked_host(written: str) -> str:
    host = written.lower().removesuffix(".")
    address = _address(host.strip("[]"))
    if address is not None and written.startswith("[") == (address.version == 6):
        return str(address)
    labels = host.split(".")
    if written.startswith("[") or _NUMBER.fullmatch(labels[-1]):
        raise _bad_host(written, "it is a number, but no address in its usual form")
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise _bad_host(written[:100], "it is no valid name")
    return host


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _reached(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 form of it reaches in the end (mapped, or through NAT64), or itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")  # all that is handed out; every other block is special

# Source: the special-purpose address registries of IANA, and the metadata addresses of the large clouds.
_SPECIAL: Final[tuple[tuple[Network, str], ...]] = tuple(
    (ipaddress.ip_network(network), words)
    for network, words in (
        ("0.0.0.0/8", "an unspecified address"),
        ("10.0.0.0/8", "a private address"),
        ("100.64.0.0/10", "a shared address of a carrier or cloud"),
        ("127.0.0.0/8", "a loopback address"),
        ("168.63.129.16/32", "a cloud's metadata address"),
        ("169.254.0.0/16", "a link-local address, where clouds keep their metadata"),
        ("172.16.0.0/12", "a private address"),
        ("192.0.0.0/24", "a reserved address"),
        ("192.0.2.0/24", "an address for documentation"),
        ("192.88.99.0/24", "a reserved address"),
        ("192.168.0.0/16", "a private address"),
        ("198.18.0.0/15", "an address for measurements"),
        ("198.51.100.0/24", "an address for documentation"),
        ("203.0.113.0/24", "an address for documentation"),
        ("224.0.0.0/4", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),
        ("::/128", "an unspecified address"),
        ("::1/128", "a loopback address"),
        ("64:ff9b:1::/48", "a translated private address"),
        ("fc00::/7", "a private address"),
        ("fe80::/10", "a link-local address"),
        ("ff00::/8", "a multicast address"),
        ("2001::/23", "a tunnel or a reserved address"),
        ("2001:db8::/32", "an address for documentation"),
        ("2002::/16", "a tunnel to an IPv4 address"),
        ("3fff::/20", "an address for documentation"),
    )
)


def special(address: Address) -> str | None:
    """Say in words what keeps an address from being public, or None when it is public."""
    address = _reached(address)
    for network, words in _SPECIAL:
        if address in network:
            return words
    if isinstance(address, ipaddress.IPv6Address) and address not in _PUBLIC_IPV6:
        return "a reserved address"
    return None


@dataclass(frozen=True, slots=True)
class AllowList:
    """What the operator lets the platform call beyond (or, with `public` off, instead of) public addresses."""

    hosts: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[Network, ...] = ()
    public: bool = True

    @classmethod
    def parse(cls, text: str, *, public: bool = True) -> "AllowList":
        """Read `host`, `host:port`, address and network entries between commas. Raises ValueError naming a bad one."""
        hosts: set[tuple[str, int | None]] = set()
        networks: list[Network] = []
        for entry in filter(None, (part.strip() for part in text.split(","))):
            try:
                networks.append(ipaddress.ip_network(entry))
            except ValueError:
                hosts.add(_entry(entry))
        return cls(frozenset(hosts), tuple(networks), public)

    def names(self, target: Target) -> bool:
        """Say whether the operator listed this very host, on this port or on every."""
        return not self.hosts.isdisjoint({(target.host, None), (target.host, target.port)})

    def holds(self, address: Address) -> bool:
        """Say whether the operator listed a network with this address in it."""
        return any(_reached(address) in network for network in self.networks)


def _entry(entry: str) -> tuple[str, int | None]:
    try:
        target = parse_target(f"http://{entry}")
    except OutgoingRefused:
        target = None
    if target is None or "/" in entry:
        raise ValueError(f"{entry!r} is no host, host:port, address or network")
    return target.host, target.port if re.search(r":[0-9]+$", entry) else None
