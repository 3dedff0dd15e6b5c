"""How a network learns: small pictures first, the full size last."""
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from pictures import CLASSES

# Side of the pictures that the app serves, in pixels.
SIDE = 224
# (side, passes over the pictures a round): what is learnt on small pictures costs a twelfth of the time, and the
# last passes at full size fit it to the size that is served.
SCHEDULE = ((64, 3), (128, 1), (SIDE, 0.5))
BATCH = 22
LEARNING_RATE = 3e-3

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


def tensors(pictures: np.ndarray, labels: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures as the network takes them, normalised like the app does, and their labels."""
    values = (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255 - MEAN) / DEVIATION
    return values.contiguous(memory_format=torch.channels_last), torch.from_numpy(labels)


def train(
    network: nn.Module,
    inputs: torch.Tensor,
    labels: torch.Tensor,
    rounds: int,
    log: Callable[[int, int, int, float], None],
) -> None:
    """Trains in place. `log` is called after each pass with its number, their total, the side and the mean loss."""
    network.to(memory_format=torch.channels_last).train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.2  # few steps: the running statistics have to follow quickly
    sides = [side for side, passes in SCHEDULE for _ in range(max(1, round(passes * rounds)))]
    batches = len(labels) // BATCH
    weights = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=LEARNING_RATE, weight_decay=0.05)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=batches * len(sides), pct_start=0.1)
    for step, side in enumerate(sides, 1):
        total = 0.0
        for chosen in torch.randperm(len(labels))[: batches * BATCH].split(BATCH):
            batch = inputs[chosen]
            if side != SIDE:
                batch = functional.interpolate(batch, size=(side, side), mode="bilinear", antialias=True)
            loss = functional.cross_entropy(
                network(batch.contiguous(memory_format=torch.channels_last)), labels[chosen], label_smoothing=0.05
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            pace.step()
            total += loss.item()
        log(step, len(sides), side, total / batches)


@torch.no_grad()
def accuracy(network: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> float:
    """Share of right answers, 0..1, read from the first eleven outputs."""
    network.eval()
    answers = torch.cat([network(batch)[:, : len(CLASSES)].argmax(1) for batch in inputs.split(BATCH)])
    return (answers == labels).float().mean().item()
