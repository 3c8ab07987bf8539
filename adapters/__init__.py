"""The outside: each package knows one vendor, and none knows another."""
