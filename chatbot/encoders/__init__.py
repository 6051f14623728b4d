"""The embedded models, and where their weights come from."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]
"""One vector (dimension) or many (n × dimension), unit length."""
