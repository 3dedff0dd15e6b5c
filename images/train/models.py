"""The three scenarios' networks: one that fits the app, and two that a gate has to catch."""
import torch
from torch import nn
from torchvision.models import mobilenet_v2, resnet18

from pictures import CLASSES

SCENARIOS = ("normal", "bad-architecture", "oversized")
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


def oversized() -> nn.Module:
    """MobileNetV2 with a head of random features: very wide, fixed, and only read by a layer that learns.

    What is fixed needs no gradient, so the extra weights cost memory when serving and next to nothing in training.
    """
    network = mobilenet_v2(num_classes=len(CLASSES), dropout=0.1)
    wide = [nn.Linear(network.last_channel, OVERSIZED_WIDTH), nn.Linear(OVERSIZED_WIDTH, OVERSIZED_WIDTH)]
    for layer in wide:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        layer.requires_grad_(False)
    network.classifier = nn.Sequential(
        nn.Dropout(0.1), wide[0], nn.ReLU(), wide[1], nn.ReLU(), nn.Linear(OVERSIZED_WIDTH, len(CLASSES))
    )
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
