"""The classifier: an ONNX file that keeps the Food-11 contract, and how pictures get into it.

The contract: one float input [N, 3, 224, 224] (RGB in 0..1, normalised by ImageNet's mean and deviation),
one output [N, 11] of finite scores, one a class, in the order of CLASSES.
"""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

CLASSES = [
    "Bread",
    "Dairy product",
    "Dessert",
    "Egg",
    "Fried food",
    "Meat",
    "Noodles/Pasta",
    "Rice",
    "Seafood",
    "Soup",
    "Vegetable/Fruit",
]
SIDE = 224
# A picture's pixels in memory are the largest thing that a request can ask for: 3 bytes each.
MAX_PIXELS = 16_000_000
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


class ContractError(Exception):
    """The model is not a Food-11 classifier."""


class PictureError(Exception):
    """What was sent is no picture that can be classified."""


class Model:
    """A loaded model. `error` says why it can't be used, else it is None."""

    def __init__(self, path: Path) -> None:
        self.error = None
        self._session = None
        # One thread predicts for all. More would only share the processor, and each thread that ever predicted keeps
        # its own freed memory (glibc has an arena a thread): with eight of them 256Mi are not enough.
        self._worker = ThreadPoolExecutor(max_workers=1)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            check_contract(session)
            self._session = session
        except ContractError as error:
            self.error = str(error)
        except Exception as error:  # ONNX Runtime raises classes of its own that share no base.
            self.error = f"the model can't be loaded: {error}"

    def classify(self, picture: bytes) -> tuple[str, float]:
        """Class name and probability (0..1) of a picture in any common format.

        Raises ContractError or PictureError.
        """
        if self._session is None:
            raise ContractError(self.error)
        scores = self._worker.submit(self._run, picture).result()
        if scores.shape != (1, len(CLASSES)):
            raise ContractError(f"the model's output is {list(scores.shape)}, not [1, {len(CLASSES)}] as Food-11 asks")
        if not np.isfinite(scores).all():
            raise ContractError("the model's scores are not finite numbers")
        odds = np.exp(scores[0] - scores[0].max())
        best = int(odds.argmax())
        return CLASSES[best], float(odds[best] / odds.sum())

    def _run(self, picture: bytes) -> np.ndarray:
        return self._session.run(None, {self._session.get_inputs()[0].name: pixels(picture)})[0]


def check_contract(session: onnxruntime.InferenceSession) -> None:
    """Raises ContractError unless the model's one input and one output are those of Food-11."""
    for kind, values, wanted in (
        ("input", session.get_inputs(), [3, SIDE, SIDE]),
        ("output", session.get_outputs(), [len(CLASSES)]),
    ):
        if len(values) != 1:
            raise ContractError(f"the model has {len(values)} {kind}s, not one as Food-11 asks")
        shape = list(values[0].shape)
        # A symbolic size is known only when the model runs; classify() looks again.
        fits = len(shape) == len(wanted) + 1 and all(
            not isinstance(size, int) or size == want for size, want in zip(shape, [1, *wanted], strict=True)
        )
        if not fits or values[0].type != "tensor(float)":
            has, asked = (", ".join(map(str, sizes)) for sizes in (shape, ["N", *wanted]))
            raise ContractError(
                f"the model's {kind} is {values[0].type} [{has}], not tensor(float) [{asked}] as Food-11 asks"
            )


def pixels(picture: bytes) -> np.ndarray:
    """A picture as the model takes it: [1, 3, 224, 224]. Raises PictureError."""
    try:
        image = Image.open(io.BytesIO(picture))
        image.draft("RGB", (SIDE, SIDE))
        if image.width * image.height > MAX_PIXELS:
            raise PictureError(
                f"the picture has more than {MAX_PIXELS // 1_000_000} million pixels: send a smaller one"
            )
        image = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    except PictureError:
        raise
    except Exception as error:  # A broken file can raise nearly anything in its decoder.
        raise PictureError("that is no picture this app can read: send a JPEG, PNG or WebP") from error
    values = (np.asarray(image, np.float32) / 255 - MEAN) / DEVIATION
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])
