"""A module that needs what is not there."""

from no_such_thing import needed

__all__ = ["needed"]
