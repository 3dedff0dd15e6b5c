"""
Leads a growing share of the users to the version in canary, step by step, for as long as there is a step to come. Ends
where there is none, or promotions are frozen: the schedule runs it again.
"""

import time

from lib import freeze, gateway, inputs, outputs, step, traffic

INTERVAL = 10.0  # seconds between two looks at canary


def main() -> None:
    settings = inputs.traffic()
    if settings is None:
        print("This stack has no gateway.", flush=True)
        return
    while True:
        split = gateway.put_right(settings, watch=True)
        if split is None or split.withdrawn or split.percent >= settings.steps[-1] or freeze.reason():
            break
        time.sleep(INTERVAL)
    outputs.write("withdrawn", "yes" if split and split.withdrawn else "no")
    print(f"{traffic.sentence(split, settings.production.environment)}.", flush=True)


if __name__ == "__main__":
    step.run(main)
