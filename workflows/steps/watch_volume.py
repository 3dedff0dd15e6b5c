"""
Warns with an Event on the claim of a volume that is nearly full. No Workflow runs it, but the CronJob `volume-watch`
beside the volume's owner.
"""

import os

from lib import events, inputs, step


def main() -> None:
    namespace, claim = inputs.raw("NAMESPACE"), inputs.raw("CLAIM")
    bar = inputs.number("BAR_PERCENT", 1, 100)
    percent = percent_used(os.statvfs(inputs.raw("VOLUME") or "/volume"))
    message = f"The volume of {inputs.raw('OWNER')} is {percent} % full"
    if percent < bar:
        print(f"{message}.", flush=True)
        return
    involved = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": claim, "namespace": namespace}
    events.create(involved, "VolumeNearlyFull", f"{message} (the bar is {bar:.0f} %): {inputs.raw('REMEDY')}.")


def percent_used(volume: os.statvfs_result) -> int:
    """Share of a volume that is used, of what everybody may use, in whole percent."""
    used = volume.f_blocks - volume.f_bfree
    return int(100 * used / max(1, used + volume.f_bavail))


if __name__ == "__main__":
    step.run(main)
