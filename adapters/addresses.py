"""Which IP addresses belong to the public internet, so that nobody makes us call at a neighbour's door."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

CLOSED4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carriers' NAT; some clouds keep their metadata in it
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host, as its guests see it
        "169.254.0.0/16",  # link local, and the metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
"""IANA's registry of special IPv4 addresses, but for those that are reached globally."""
OPEN6 = IPv6Network("2000::/3")
"""All that IANA has given out for the global internet."""
CLOSED6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments; Teredo, which holds an IPv4 address
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which holds an IPv4 address
        "3fff::/20",  # documentation
    )
)
NAT64 = IPv6Network("64:ff9b::/96")
"""Holds an IPv4 address; networks without IPv4 reach the IPv4 internet by it."""


def allowed(address: str, networks: Iterable[Network] = ()) -> bool:
    """May that address be called: is it public, or in one of the networks? False if it is none."""
    try:
        found = _plain(ip_address(address))
    except ValueError:
        return False
    if any(found in network for network in networks):
        return True
    if isinstance(found, IPv4Address):
        return not any(found in network for network in CLOSED4)
    return found in OPEN6 and not any(found in network for network in CLOSED6)


def parsed(networks: Iterable[str]) -> tuple[Network, ...]:
    """The networks in the usual notation (`127.0.0.0/8`). Raises ValueError."""
    return tuple(ip_network(network) for network in networks)


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for, where the call would go to that."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
