"""What is measured of a picture: a few numbers that tell a dark or blurred one from one that the model learnt from."""

import numpy as np

# Shares of each colour in what the eye takes for brightness (ITU-R BT.601).
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def features(picture: np.ndarray) -> dict[str, float]:
    """Of a picture [side, side, 3] of bytes, each 0..1: mean red, green and blue, contrast, and sharpness.

    Contrast is the deviation of the brightness, sharpness its mean difference between neighbours.
    """
    values = picture.astype(np.float32) / 255
    red, green, blue = values.mean(axis=(0, 1))
    brightness = values @ LUMA
    across = np.abs(np.diff(brightness, axis=1)).mean()
    down = np.abs(np.diff(brightness, axis=0)).mean()
    measured = {
        "red": red,
        "green": green,
        "blue": blue,
        "contrast": brightness.std(),
        "sharpness": (across + down) / 2,
    }
    return {name: round(float(value), 5) for name, value in measured.items()}
