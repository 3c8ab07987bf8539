"""Tools that run here for a Coze bot: Python functions that the operator names in the settings."""

from adapters.tools.loading import loaded
from adapters.tools.toolbox import Toolbox

__all__ = ["Toolbox", "loaded"]
