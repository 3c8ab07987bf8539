"""The demo: three simulators, the real service between them, and a page on which one can type as a person."""
