"""What a model learnt from, in a few numbers: `watch-data-drift` compares what people send with it."""

import numpy as np

from features import features

# Pictures whose features are recorded, spread over all that a model learnt from.
RECORDED = 400

Samples = dict[str, list[float]]


def record(images: np.ndarray) -> Samples:
    """The features of up to 400 of the pictures [N, side, side, 3] of bytes."""
    chosen = np.linspace(0, len(images) - 1, min(RECORDED, len(images))).astype(int)
    measured = [features(images[index]) for index in chosen]
    return {name: [each[name] for each in measured] for name in measured[0]}
