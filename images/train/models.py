"""The three scenarios' networks: one that fits the app, and two that a gate has to catch."""
import torch
from torch import nn
from torchvision.models import mobilenet_v2, resnet18

from pictures import CLASSES
from settings import SCENARIOS

# Width of the oversized head: its (1280 + 7168) x 7168 weights of 4 bytes are 231 MiB, over the 200 Mi that it has to pass.
OVERSIZED_WIDTH = 7168


def build(scenario: str) -> nn.Module:
    """An untrained network. Its first eleven outputs are the classes of Food-11, whatever else it puts out."""
    if scenario == "normal":
        return mobilenet_v2(num_classes=len(CLASSES), dropout=0.1)
    if scenario == "bad-architecture":
        return resnet18(num_classes=1000)
    if scenario == "oversized":
        return oversized()
    raise ValueError(f'"{scenario}" is no scenario: choose one of {", ".join(SCENARIOS)}')


class WideHead(nn.Module):
    """A classifier on the network's features and a great many fixed random functions of them.

    What is fixed needs no gradient: the extra weights cost memory when serving and next to nothing in training.
    """

    def __init__(self, features: int):
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
