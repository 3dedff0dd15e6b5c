"""Draws the pictures that `npm run traffic` sends: `python test/images/draw_traffic_pictures.py` writes them anew.

One of each class, and the same one as another camera would see it: dark, with blue for red, and grainy.
"""

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "images/train"))

from pictures import CLASSES, picture  # noqa: E402

SIDE = 112
# No split of the training data has it.
SEED = 900_000


def drifted(image: Image.Image, seed: int) -> Image.Image:
    """The picture as the classifier has never seen one."""
    noise = np.random.default_rng(seed).normal(0, 28, (SIDE, SIDE, 1))
    pixels = np.asarray(image, np.float32)[..., ::-1] * 0.45 + noise
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def pictures() -> dict[str, bytes]:
    """Each file, by its path in the repository."""
    files = {}
    for label in range(len(CLASSES)):
        image = picture(label, SEED, SIDE)
        files[f"workflows/pictures/{label:02}.jpg"] = jpeg(image, 75)
        files[f"cli/drifted-pictures/{label:02}.jpg"] = jpeg(drifted(image, label), 60)
    return files


def jpeg(image: Image.Image, quality: int) -> bytes:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=quality)
    return data.getvalue()


if __name__ == "__main__":
    for name, data in pictures().items():
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_bytes(data)
