"""
Asks people to approve a promotion, and waits for them, without a lock: others promote meanwhile. What was asked,
approved, rejected or has expired stands in the record.
"""

import time

from lib import approval, child_workflows, constants, inputs, kubectl, outputs, release_log, step
from lib.approval import Approval, Decision
from lib.counted import counted
from lib.errors import InvalidInput, Refused, StepFailed
from lib.promotion_rules import PromotionRejected, promotable


def main() -> None:
    (source, target), version, emergency = inputs.promotion(), inputs.version(), inputs.reason("EMERGENCY")
    rule = inputs.approval().get(target)
    if rule is None:
        raise InvalidInput(f"Nobody approves promotions to {target}: run pulumi up.")
    workflow = child_workflows.current()
    name = workflow["metadata"]["name"]
    try:
        if approval.read(name) is None:
            subject = promotable(source, target, version, emergency)
            asked_by = release_log.asker(workflow)
            approval.create(approval.manifest(workflow, subject, rule, asked_by, emergency, time.time()))
        decision = wait(name, version)
    except StepFailed as failure:
        outputs.outcome("refused" if isinstance(failure, Refused) else "broken", failure)
        raise
    if decision.phase != approval.APPROVED:
        outputs.outcome("refused", decision.sentence)
        raise StepFailed(decision.sentence)
    print(decision.sentence, flush=True)


def wait(name: str, version: str) -> Decision:
    """
    Waits until people have decided, or the request expires; records what they do, and closes the request. Raises
    PromotionRejected when it is deleted.
    """
    request = read(name)
    record_request(request, version)
    where = [approval.KIND, name, "--namespace", constants.ARGO_NAMESPACE]
    # A watch ends by the monotonic clock, a request by the wall clock: if the watch ends first, it begins again.
    while True:
        deadline = time.monotonic() + approval.expires_at(request) - time.time()
        for kind, seen in kubectl.watch(where, deadline):
            # What happens between two streams shows in the object alone.
            decision = look(seen if kind in ("ADDED", "MODIFIED") else read(name), version)
            if decision.phase != approval.WAITING:
                return decision
        request = read(name)
        decision = look(request, version)
        if decision.phase != approval.WAITING:
            return decision


def read(name: str) -> Approval:
    """The request; raises PromotionRejected when it was deleted."""
    request = approval.read(name)
    if request is None:
        raise PromotionRejected(f"The request {name} was deleted before people had decided: ask again.")
    return request


def look(request: Approval, version: str) -> Decision:
    """Records the responses to a request, and closes it when people have decided or it has expired."""
    target = request["spec"]["target"]
    for response in approval.responses(request):
        word = "approved" if response.action == "approve" else "rejected"
        release_log.note(response.action, target, version, response.user, word, response.message)
    decision = approval.decide(request, time.time())
    if decision.phase == approval.EXPIRED:
        release_log.note("expire", target, version, "the pipeline", "expired", decision.sentence)
    if decision.phase != approval.WAITING:
        approval.close(request["metadata"]["name"], decision)
    return decision


def record_request(request: Approval, version: str) -> None:
    """Records that people were asked."""
    spec = request["spec"]
    people = counted(spec["minimum"], "person", "people")
    urgent = f" In an emergency: {spec['emergency']}." if spec["emergency"] else ""
    sentence = f"Waits for the approval of {people} until {spec['expiresAt']}.{urgent}"
    release_log.note("ask", spec["target"], version, spec["requestedBy"], "asked", sentence)
    print(sentence, flush=True)


if __name__ == "__main__":
    step.run(main)
