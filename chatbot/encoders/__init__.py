"""The embedded models, and where their weights come from."""

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Precision = Literal["bf16", "f32"]

Vectors: TypeAlias = NDArray[np.float32]
"""One vector (dimension) or many (n × dimension), unit length."""
