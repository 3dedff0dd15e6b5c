"""
Verdicts of the gates, signed with the key `gates` and kept beside the image that was judged. A promotion rests on them,
and not on what MLflow says.
"""

import math
import pkgutil
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import gates
from lib import attestations, instant, model_registry, outputs, rollout, signing_keys
from lib.attestations import Image
from lib.dsse import Unverified
from lib.errors import StepFailed, Unavailable
from lib.model_registry import ModelVersion
from lib.signing_keys import PrivateKey
from lib.statement import Statement
from lib.verdict import VERDICTS, Verdict

PREDICATE = "https://gourmetgram.io/gate-verdict/v1"
# That the verdicts of before count no more; signed with the key `release`.
WITHDRAWAL = "https://gourmetgram.io/withdrawal/v1"

Figures = dict[str, float]


class Signed(NamedTuple):
    """A verdict as a gate signed it. `at`: UTC, to the second; `figures`: what it measured."""

    gate: str
    verdict: str
    reason: str
    at: str
    figures: Figures


def names() -> list[str]:
    """The gates that there are."""
    return sorted(module.name for module in pkgutil.iter_modules(gates.__path__))


def sign(image: Image, gate: str, verdict: Verdict, at: str, pipeline_run: str, key: PrivateKey) -> None:
    """Signs what a gate found of an image. Raises Unavailable or StepFailed."""
    predicate = {
        "gate": gate,
        "verdict": verdict.verdict,
        "reason": verdict.reason,
        "figures": figures(verdict.metrics),
        "bars": verdict.bars,
        "at": at,
        "workflow": pipeline_run,
    }
    attestations.attach(image, PREDICATE, predicate, key)


def figures(found: object) -> Figures:
    """The numbers among what a gate measured."""
    given = found.items() if isinstance(found, dict) else []
    return {
        name: value
        for name, value in given
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def withdraw(version: str, digest: str, reason: str) -> bool:
    """
    Takes back that an image of a version passed staging; returns whether that is new. It is signed for this image, so
    that no verdict of before on it counts any more. In MLflow the version keeps a pass that another image of it got.
    What cannot be signed is taken back in MLflow all the same, and a later call signs it.
    """
    is_new = _take_from_mlflow(version, digest, reason)
    try:
        return sign_withdrawal(digest, reason) or is_new
    except Unavailable as failure:
        print(f"The withdrawal is not signed yet: {failure}", file=sys.stderr)
        return is_new


def _take_from_mlflow(version: str, digest: str, reason: str) -> bool:
    try:
        if model_registry.get(version).verified_digest != digest:
            return False
        model_registry.withdraw_pass(version, reason)
        return True
    except model_registry.Missing:
        print(f"MLflow no longer has version {version}.", flush=True)
        return False


def sign_withdrawal(digest: str, reason: str) -> bool:
    """
    Signs that an image lost its pass, unless that is signed; returns whether it did. Without a key, or the image, it
    cannot. Raises Unavailable where the registry is away: later it can.
    """
    image = Image(rollout.repository(), digest)
    try:
        if was_withdrawn(image):
            return False
        _attach_withdrawal(image, reason)
        return True
    except StepFailed as failure:
        print(f"The withdrawal is not signed: {failure}", file=sys.stderr)
        return False


def complete_withdrawal(version: ModelVersion, digest: str) -> None:
    """
    Signs what MLflow alone says since the last verdict: that a version lost its pass. The gates may judge the image
    again just now, so a verdict that MLflow does not have yet is no reason to sign it once more.
    """
    image = Image(rollout.repository(), digest)
    try:
        signed_at = last_withdrawal(image)
        if not signed_at or signed_at < version.verdict_at:
            _attach_withdrawal(image, version.why_withdrawn or "")
    except (StepFailed, Unavailable) as failure:
        print(f"The withdrawal is not signed yet: {failure}", file=sys.stderr)


def _attach_withdrawal(image: Image, reason: str) -> None:
    predicate = {"reason": outputs.clean(reason), "at": model_registry.now()}
    attestations.attach(image, WITHDRAWAL, predicate, signing_keys.mounted())


def last_withdrawal(image: Image) -> str:
    """When the pass of an image was last taken back, UTC; an empty string where it never was."""
    found = attestations.read(image, WITHDRAWAL, signing_keys.public_keys(signing_keys.RELEASE))
    times = [str(stated.predicate.get("at")) for stated in found.counting]
    return max((at for at in times if instant.seconds(at) is not None), default="")


def was_withdrawn(image: Image) -> bool:
    """Whether the pass of an image was taken back, and no gate has judged it since."""
    withdrawn = last_withdrawal(image)
    if not withdrawn:
        return False
    verdicts, _ = signed(image)
    return all(verdict.at <= withdrawn for verdict in verdicts)


def require_passed(image: Image, required: Sequence[str]) -> Figures:
    """
    The figures of the last verdict of each gate, by `gate.figure`, where all of them passed exactly this image. Raises
    Unverified where one did not, or no key that counts has signed that it did.
    """
    verdicts, refused = signed(image)
    withdrawn = last_withdrawal(image)
    measured: Figures = {}
    for gate in required:
        last = newest([verdict for verdict in verdicts if verdict.gate == gate])
        if not last:
            others = f" ({refused[0]})" if refused else ""
            raise Unverified(f"no verdict of the {gate} gate on it is signed by a key that counts{others}")
        failed = next((verdict for verdict in last if verdict.verdict != "pass"), None)
        if failed:
            raise Unverified(f"the last signed verdict of the {gate} gate on it is {failed.verdict}, of {failed.at}")
        if last[0].at <= withdrawn:
            raise Unverified(f"the pass of the {gate} gate is of {last[0].at}, and was withdrawn at {withdrawn}")
        measured |= {f"{gate}.{name}": value for name, value in last[0].figures.items()}
    return measured


def signed(image: Image) -> tuple[list[Signed], list[str]]:
    """The verdicts that a key that counts signed of an image, and why each of the others does not count."""
    found = attestations.read(image, PREDICATE, signing_keys.public_keys(signing_keys.GATES))
    return [verdict for stated in found.counting if (verdict := parse(stated))], found.refused


def newest(verdicts: Sequence[Signed]) -> list[Signed]:
    """The last verdict; more than one where they are of the same second."""
    last = max((verdict.at for verdict in verdicts), default="")
    return [verdict for verdict in verdicts if verdict.at == last]


def parse(stated: Statement) -> Signed | None:
    """What a statement says; None where nobody understands it."""
    said: dict[str, Any] = dict(stated.predicate)
    gate, verdict, at = said.get("gate"), said.get("verdict"), said.get("at")
    if verdict not in VERDICTS or not isinstance(gate, str) or not isinstance(at, str) or instant.seconds(at) is None:
        return None
    return Signed(gate, verdict, str(said.get("reason", "")), at, figures(said.get("figures")))
