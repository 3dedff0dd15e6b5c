"""What is measured of a picture: a few numbers that tell a dark or blurred one from one that the model learnt from."""

import numpy as np

# Shares of each colour in what the eye takes for brightness (ITU-R BT.601).
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
# Side of the squares of pixels in whose mean brightness the detail is measured: what a camera's resolution and a JPEG's
# quality change is smaller.
SQUARE = 4


def features(picture: np.ndarray) -> dict[str, float]:
    """Of a picture [side, side, 3] of bytes, each 0..1: mean red, green and blue, contrast, and detail.

    The side is a multiple of 4. Contrast is the deviation of the brightness. Detail is the mean difference of the
    brightness between neighbouring squares.
    """
    values = picture.astype(np.float32) / 255
    red, green, blue = values.mean(axis=(0, 1))
    brightness = values @ LUMA
    squares = brightness.reshape(len(picture) // SQUARE, SQUARE, -1, SQUARE).mean(axis=(1, 3))
    across = np.abs(np.diff(squares, axis=1)).mean()
    down = np.abs(np.diff(squares, axis=0)).mean()
    measured = {
        "red": red,
        "green": green,
        "blue": blue,
        "contrast": brightness.std(),
        "detail": (across + down) / 2,
    }
    return {name: round(float(value), 5) for name, value in measured.items()}
