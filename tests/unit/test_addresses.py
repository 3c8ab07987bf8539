"""Which addresses belong to the public internet."""

import pytest

from adapters.addresses import allowed, parsed

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "223.255.255.255",
    "2400:3200::1",
    "2606:4700::1111",
    "2a00:1450:4001::8a",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]
CLOSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.255",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:0:10.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]
NONE = ["", "localhost", "127.1", "2130706433", "0x7f.0.0.1", "1.1.1.1 ", "1.1.1.1/32", "[::1]", "1.1.1"]


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address):
    assert allowed(address)


@pytest.mark.parametrize("address", CLOSED)
def test_not_public(address):
    assert not allowed(address)


@pytest.mark.parametrize("address", NONE)
def test_no_address(address):
    assert not allowed(address)
    assert not allowed(address, parsed(["0.0.0.0/0", "::/0"]))


def test_what_the_operator_opened_is_open_and_nothing_beside_it():
    networks = parsed(["10.1.2.0/24", "fd00:1::/64"])
    assert allowed("10.1.2.3", networks)
    assert allowed("::ffff:10.1.2.3", networks)
    assert allowed("fd00:1::7", networks)
    assert not allowed("10.1.3.3", networks)
    assert not allowed("fd00:2::7", networks)
    assert not allowed("127.0.0.1", networks)
