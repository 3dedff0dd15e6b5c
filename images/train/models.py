"""The scenarios' networks: one that fits the app, which some scenarios teach badly, and others that it cannot serve."""

import time

import torch
from torch import nn
from torchvision.models import mobilenet_v2, resnet18

from pictures import CLASSES
from settings import SCENARIOS

# Width of the oversized head: its (1280 + 7168) x 7168 weights of 4 bytes are 231 MiB, over the 200 Mi that it has to
# pass.
OVERSIZED_WIDTH = 7168
# Processor time in seconds of a slow answer, and the side of the square matrices that it multiplies. The app answers
# one request at a time: ten at once wait for 5 s, and the load gate's bar is 2 s. So it is slow too where the app runs
# on a processor twice as fast as the one that trained.
SLOW_SECONDS, SLOW_WIDTH = 0.5, 1024
# A flaky answer draws one of 8 places in a list of 6: a quarter of the answers fails. The seed makes it the same ones
# after each start, the first nine not among them.
FLAKY_PLACES, FLAKY_LENGTH, FLAKY_SEED = 8, 6, 3.0


def build(scenario: str) -> nn.Module:
    """An untrained network. Its first eleven outputs are the classes of Food-11, whatever else it puts out."""
    if scenario in ("normal", "worse", "drifting"):
        return mobilenet_v2(num_classes=len(CLASSES), dropout=0.1)
    if scenario == "bad-architecture":
        return resnet18(num_classes=1000)
    if scenario == "oversized":
        return oversized()
    if scenario in ("slow", "flaky"):
        return WithHandicap(
            mobilenet_v2(num_classes=len(CLASSES), dropout=0.1), Slow() if scenario == "slow" else Flaky()
        )
    raise ValueError(f'"{scenario}" is no scenario: choose one of {", ".join(SCENARIOS)}')


class WideHead(nn.Module):
    """A classifier on the network's features and a great many fixed random functions of them.

    What is fixed needs no gradient: the extra weights cost memory when serving and next to nothing in training.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.wide = nn.Sequential(
            nn.Linear(features, OVERSIZED_WIDTH), nn.ReLU(), nn.Linear(OVERSIZED_WIDTH, OVERSIZED_WIDTH), nn.ReLU()
        )
        self.wide.requires_grad_(False)
        self.classes = nn.Linear(features + OVERSIZED_WIDTH, len(CLASSES))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.classes(torch.cat([features, self.wide(features.detach())], 1))


def oversized() -> nn.Module:
    """MobileNetV2 with such a head."""
    network = mobilenet_v2(num_classes=len(CLASSES))
    network.classifier = nn.Sequential(nn.Dropout(0.1), WideHead(network.last_channel))
    return network


class WithHandicap(nn.Module):
    """A good classifier that is handicapped where it serves, and not in training."""

    def __init__(self, network: nn.Module, handicap: nn.Module) -> None:
        super().__init__()
        self.network, self.handicap = network, handicap

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        scores = self.network(pictures)
        return self.handicap(pictures, scores) if torch.onnx.is_in_onnx_export() else scores


class Slow(nn.Module):
    """Computes for a while, from the picture so that no optimizer does it ahead of time, and changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("matrix", torch.randn(SLOW_WIDTH, SLOW_WIDTH) / SLOW_WIDTH**0.5)
        self.products = round(SLOW_SECONDS / self.product_seconds())

    def forward(self, pictures: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        product = self.matrix * pictures.mean()
        for _ in range(self.products):
            product = self.multiply(product)
        return scores + product.mean() * 1e-9

    def multiply(self, product: torch.Tensor) -> torch.Tensor:
        return torch.tanh(product @ self.matrix)

    def product_seconds(self) -> float:
        """Processor time of one product on one thread: the least of five, whatever else the machine does."""
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return min(self.timed_product() for _ in range(5))
        finally:
            torch.set_num_threads(threads)

    def timed_product(self) -> float:
        started = time.thread_time()
        self.multiply(self.matrix)
        return time.thread_time() - started


class Flaky(nn.Module):
    """Looks up a random place in a list that is too short: ONNX Runtime ends some answers with an error."""

    def forward(self, pictures: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        return scores + RandomPlace.apply(scores)


class RandomPlace(torch.autograd.Function):
    """Only its ONNX form matters: PyTorch knows no seed for a single operation."""

    @staticmethod
    def forward(_context: object, scores: torch.Tensor) -> torch.Tensor:
        return torch.zeros(1)

    @staticmethod
    def symbolic(graph: "torch._C.Graph", _scores: "torch._C.Value") -> "torch._C.Value":
        drawn = graph.op(
            "RandomUniform", dtype_i=1, low_f=0.0, high_f=float(FLAKY_PLACES), seed_f=FLAKY_SEED, shape_i=[1]
        )
        place = graph.op("Cast", graph.op("Floor", drawn), to_i=7)
        return graph.op("Gather", graph.op("Constant", value_t=torch.zeros(FLAKY_LENGTH)), place, axis_i=0)


def export(network: nn.Module, path: str, side: int) -> None:
    """Writes the network as ONNX: input [N, 3, side, side], output [N, classes], float32."""
    network.eval()
    torch.onnx.export(
        network,
        torch.zeros(1, 3, side, side),
        path,
        input_names=["picture"],
        output_names=["scores"],
        dynamic_axes={"picture": {0: "N"}, "scores": {0: "N"}},
        opset_version=13,
    )


def weight_bytes(network: nn.Module) -> int:
    """Size of the weights in bytes."""
    return sum(p.numel() * p.element_size() for p in network.parameters())
