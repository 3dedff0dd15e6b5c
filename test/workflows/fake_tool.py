"""
Stands for kubectl, crane or hey, by the name that it is called under. It answers the calls that a test allowed
(`$FAKE_STATE/<name>.rules`) and refuses every other: exit code 97 and a line in `refused`, which fails the test.

It reads and writes Python literals, since to import `json` or `pathlib` takes longer than all that it does.
"""

import os
import sys
import time

state, name, args = os.environ["FAKE_STATE"], os.path.basename(sys.argv[0]), sys.argv[1:]
stdin = "" if sys.stdin.isatty() or not {"-", "/dev/stdin"} & set(args) else sys.stdin.read()
with open(f"{state}/calls", "a") as log:
    log.write(ascii({"tool": name, "args": args, "stdin": stdin}) + "\n")


def matches(wanted):
    return len(wanted) == len(args) and all(want in ("*", given) for want, given in zip(wanted, args, strict=True))


file = f"{state}/{name}.rules"
rules = []
if os.path.exists(file):
    with open(file) as kept:
        rules = eval(kept.read())
found = [rule for rule in rules if matches(rule["args"])]
answered = globals()["registry"](state, args) if not found and "registry" in globals() else None
if answered:
    sys.stdout.write(answered[1])
    sys.stderr.write(answered[2])
    sys.exit(answered[0])
if not found:
    with open(f"{state}/refused", "a") as log:
        log.write(ascii([name, *args]) + "\n")
    print(f"{name}: call not allowed by the test: {args}", file=sys.stderr)
    sys.exit(97)

# Of several rules for one call, each is used once, in order; the last one stays.
rule = found[0]
if len(found) > 1:
    rules.remove(rule)
    with open(file, "w") as kept:
        kept.write(ascii(rules))
for delay, text in rule.get("stream", []):
    time.sleep(delay)
    print(text, flush=True)
if rule.get("hold"):
    time.sleep(30)
sys.stdout.write(rule.get("stdout", ""))
sys.stderr.write(rule.get("stderr", ""))
sys.exit(rule.get("code", 0))
