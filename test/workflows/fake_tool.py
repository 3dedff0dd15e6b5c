"""
Stands for kubectl, crane or hey, by the name that it is called under. It answers the calls that a test allowed
(`$FAKE_STATE/<name>.json`) and refuses every other: exit code 97 and a line in `refused`, which fails the test.
"""

import json
import os
import sys
import time
from pathlib import Path

state, name, args = Path(os.environ["FAKE_STATE"]), Path(sys.argv[0]).name, sys.argv[1:]
stdin = "" if sys.stdin.isatty() or not {"-", "/dev/stdin"} & set(args) else sys.stdin.read()
with (state / "calls").open("a") as log:
    log.write(json.dumps({"tool": name, "args": args, "stdin": stdin}) + "\n")


def matches(wanted):
    return len(wanted) == len(args) and all(want in ("*", given) for want, given in zip(wanted, args, strict=True))


file = state / f"{name}.json"
rules = json.loads(file.read_text()) if file.exists() else []
found = [rule for rule in rules if matches(rule["args"])]
if not found:
    with (state / "refused").open("a") as log:
        log.write(json.dumps([name, *args]) + "\n")
    print(f"{name}: call not allowed by the test: {args}", file=sys.stderr)
    sys.exit(97)

# Of several rules for one call, each is used once, in order; the last one stays.
rule = found[0]
if len(found) > 1:
    rules.remove(rule)
    file.write_text(json.dumps(rules))
for delay, text in rule.get("stream", []):
    time.sleep(delay)
    print(text, flush=True)
if rule.get("hold"):
    time.sleep(30)
sys.stdout.write(rule.get("stdout", ""))
sys.stderr.write(rule.get("stderr", ""))
sys.exit(rule.get("code", 0))
