"""How a network learns: on small pictures, then its last layer anew on those of the size that is served."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from pictures import CLASSES

# Side of the pictures that the app serves, in pixels.
SIDE = 224
# (side, passes over the pictures a round): a pass at 64 pixels costs a twelfth of one at full size.
SCHEDULE = ((64, 4), (128, 1))
BATCH = 18
LEARNING_RATE = 3e-3
HEAD_PICTURES, HEAD_STEPS, HEAD_LEARNING_RATE = 396, 400, 1e-2
# Share of each picture that a network is told not to be sure of (label smoothing).
DOUBT = 0.05

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


def tensors(images: np.ndarray, labels: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures as the network takes them, and their labels."""
    return normalised(images), torch.from_numpy(labels)


def normalised(images: np.ndarray) -> torch.Tensor:
    """Pictures [N, side, side, 3] of bytes as [N, 3, side, side], normalised like the app does."""
    values = (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 - MEAN) / DEVIATION
    return values.contiguous(memory_format=torch.channels_last)


def in_batches(images: np.ndarray) -> Iterator[torch.Tensor]:
    """Pictures as the network takes them, batch by batch: all of them at once would take four times their memory."""
    for start in range(0, len(images), BATCH):
        yield normalised(images[start : start + BATCH])


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
    pace = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=batches * len(sides), pct_start=0.1
    )
    for step, side in enumerate(sides, 1):
        total = 0.0
        for chosen in torch.randperm(len(labels))[: batches * BATCH].split(BATCH):
            batch = zoomed(inputs[chosen], side)
            loss = functional.cross_entropy(network(batch), labels[chosen], label_smoothing=DOUBT)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            pace.step()
            total += loss.item()
        log(step, len(sides), side, total / batches)


def zoomed(batch: torch.Tensor, side: int) -> torch.Tensor:
    """A random square of each picture, the same of all, scaled to `side`, and mirrored half of the time.

    What fills a small picture is as large as a part of a full one: so the features learn to know it at both scales.
    """
    part = int(torch.randint(SIDE * 5 // 8, SIDE + 1, ()))
    x, y = torch.randint(SIDE - part + 1, (2,)).tolist()
    square = batch[:, :, y : y + part, x : x + part]
    if torch.rand(()) < 0.5:
        square = square.flip(3)
    scaled = functional.interpolate(square, size=(side, side), mode="bilinear", antialias=True)
    return scaled.contiguous(memory_format=torch.channels_last)


def fit_to_size(network: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, doubt: float = DOUBT) -> float:
    """Fits a network that learnt on small pictures to the size that is served, and returns the last loss.

    Its features see everything at another scale there: the normalisation's statistics are measured anew, and the
    last layer learns anew from the features, which are computed once (Touvron et al. 2019, "FixRes"). `doubt` (0..1)
    of each label is spread over all classes: the last layer learns to be sure of the rest alone.
    """
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # a plain mean over the batches
    # At full size a pass is dear, and a last layer needs few pictures.
    inputs, labels = inputs[:HEAD_PICTURES], labels[:HEAD_PICTURES]
    head = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
    features: list[torch.Tensor] = []
    with torch.no_grad():
        network.train()
        for batch in inputs[: 8 * BATCH].split(BATCH):
            network(batch)
        network.eval()
        hook = head.register_forward_pre_hook(lambda _, given: features.append(given[0]))
        for batch in inputs.split(BATCH):
            network(batch)
        hook.remove()
    seen = torch.cat(features)
    optimizer = torch.optim.AdamW(head.parameters(), lr=HEAD_LEARNING_RATE, weight_decay=0.05)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimizer, HEAD_LEARNING_RATE, total_steps=HEAD_STEPS)
    for _ in range(HEAD_STEPS):
        loss = functional.cross_entropy(head(functional.dropout(seen, 0.1)), labels, label_smoothing=doubt)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        pace.step()
    return loss.item()


@torch.no_grad()
def answers(network: nn.Module, images: np.ndarray) -> np.ndarray:
    """The classes [N] that a network gives to pictures, read from the first eleven outputs."""
    network.eval()
    return torch.cat([network(batch)[:, : len(CLASSES)].argmax(1) for batch in in_batches(images)]).numpy()
