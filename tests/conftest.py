"""For all tests: machines are shared and slow at times, so no property has a deadline; in CI the examples are fixed
and a failing one is not made smaller."""

import os

from hypothesis import Phase, settings

settings.register_profile("here", deadline=None)
found_is_enough = [Phase.explicit, Phase.generate]
settings.register_profile("ci", deadline=None, derandomize=True, phases=found_is_enough)
settings.load_profile("ci" if os.environ.get("CI") else "here")
