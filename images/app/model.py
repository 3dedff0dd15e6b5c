"""The classifier: an ONNX file that keeps the Food-11 contract, and how pictures get into it.

The contract: one float input [N, 3, 224, 224] (RGB in 0..1, normalised by ImageNet's mean and deviation),
one output [N, 11] of finite scores, one a class, in the order of CLASSES.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime

from decode import square
from features import features

CLASSES = [
    "Bread", "Dairy product", "Dessert", "Egg", "Fried food", "Meat",
    "Noodles/Pasta", "Rice", "Seafood", "Soup", "Vegetable/Fruit",
]  # fmt: skip
SIDE = 224
# Requests that may wait for their turn to be classified, the one whose turn it is included. The load gate's are ten.
WAITING_BAR = 64
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


class Prediction(NamedTuple):
    """The class of a picture, its probability (0..1), and what was measured of the picture, if the model measures."""

    name: str
    probability: float
    features: dict[str, float] | None


class ContractError(Exception):
    """The model is not a Food-11 classifier."""


class BusyError(Exception):
    """As many requests as may wait are waiting."""


class Model:
    """A loaded model, which `measures` pictures if asked. `error` says why it can't be used, else it is None."""

    def __init__(self, path: Path, measures: bool = False) -> None:
        self._measures = measures
        self.error = None
        self._places = threading.BoundedSemaphore(WAITING_BAR)
        self._since: float | None = None
        self._session = None
        # One thread predicts for all. More would only share the processor, and each thread that ever predicted keeps
        # its own freed memory (glibc has an arena a thread): with eight of them 256Mi are not enough.
        self._worker = ThreadPoolExecutor(max_workers=1)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        # Else it plans a second block of all activations after the first run, and keeps the first one.
        options.enable_mem_pattern = False
        try:
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            check_contract(session)
            self._session = session
        except ContractError as error:
            self.error = str(error)
        except Exception as error:  # ONNX Runtime raises classes of its own that share no base.
            self.error = f"the model can't be loaded: {error}"

    def classify(self, read_picture: Callable[[], bytes]) -> Prediction:
        """What the model predicts of a picture in an accepted format.

        The picture is read when its turn comes, so that one is in memory at a time, and not as many as wait.
        Raises ContractError, BusyError, or what decoding and `read_picture` raise.
        """
        if self._session is None:
            raise ContractError(self.error)
        if not self._places.acquire(blocking=False):
            raise BusyError
        try:
            scores, measured = self._worker.submit(self._run, read_picture).result()
        finally:
            self._places.release()
        if scores.shape != (1, len(CLASSES)):
            raise ContractError(f"the model's output is {list(scores.shape)}, not [1, {len(CLASSES)}] as Food-11 asks")
        if not np.isfinite(scores).all():
            raise ContractError("the model's scores are not finite numbers")
        odds = np.exp(scores[0] - scores[0].max())
        best = int(odds.argmax())
        return Prediction(CLASSES[best], float(odds[best] / odds.sum()), measured)

    def seconds_at_work(self) -> float:
        """How long the request whose turn it is has been at work; 0 without one."""
        since = self._since
        return 0 if since is None else time.monotonic() - since

    def _run(self, read_picture: Callable[[], bytes]) -> tuple[np.ndarray, dict[str, float] | None]:
        self._since = time.monotonic()
        try:
            picture = np.asarray(square(read_picture(), SIDE))
            scores = self._session.run(None, {self._session.get_inputs()[0].name: pixels(picture)})[0]
            return scores, features(picture) if self._measures else None
        finally:
            self._since = None


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
            not isinstance(size, int) or size == want for size, want in zip(shape, [1, *wanted], strict=False)
        )
        if not fits or values[0].type != "tensor(float)":
            has, asked = (", ".join(map(str, sizes)) for sizes in (shape, ["N", *wanted]))
            raise ContractError(
                f"the model's {kind} is {values[0].type} [{has}], not tensor(float) [{asked}] as Food-11 asks"
            )


def pixels(picture: np.ndarray) -> np.ndarray:
    """A picture [224, 224, 3] of bytes as the model takes it: [1, 3, 224, 224]."""
    values = (picture.astype(np.float32) / 255 - MEAN) / DEVIATION
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])
