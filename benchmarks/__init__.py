"""Speed, measured: the real service as a process of its own, between simulators on loopback."""
