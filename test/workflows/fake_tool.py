"""
Stands for kubectl, crane or hey, by the name that it is called under. It answers the calls that a test allowed
(`$FAKE_STATE/<name>.rules`) and refuses every other: exit code 97 and a line in `refused`, which fails the test.

It reads and writes Python literals, since to import `json` or `pathlib` takes longer than all that it does.
"""

import os
import sys
import time


def answer(name, args, stdin, say, registry):
    """
    Answers one call. `stdin`: what it is given there. `say`: takes each text of its output as it comes. `registry`:
    what answers a call that no rule is about, and may be None. Returns its exit code and what it says of errors.
    """
    state = os.environ["FAKE_STATE"]
    with open(f"{state}/calls", "a") as log:
        log.write(ascii({"tool": name, "args": args, "stdin": stdin}) + "\n")
    file = f"{state}/{name}.rules"
    rules = []
    if os.path.exists(file):
        with open(file) as kept:
            rules = eval(kept.read())
    found = [rule for rule in rules if matches(rule["args"], args)]
    if not found:
        answered = registry(state, args) if registry else None
        code, output, errors = answered or refuse(state, name, args)
        say(output)
        return code, errors
    # Of several rules for one call, each is used once, in order; the last one stays.
    rule = found[0]
    if len(found) > 1:
        rules.remove(rule)
        with open(file, "w") as kept:
            kept.write(ascii(rules))
    for delay, text in rule.get("stream", []):
        time.sleep(delay)
        say(f"{text}\n")
    if rule.get("hold"):
        time.sleep(30)
    say(rule.get("stdout", ""))
    return rule.get("code", 0), rule.get("stderr", "")


def matches(wanted, args):
    return len(wanted) == len(args) and all(want in ("*", given) for want, given in zip(wanted, args, strict=True))


def refuse(state, name, args):
    with open(f"{state}/refused", "a") as log:
        log.write(ascii([name, *args]) + "\n")
    return 97, "", f"{name}: call not allowed by the test: {args}\n"


def reads_stdin(args):
    return bool({"-", "/dev/stdin"} & set(args))


def say(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def main():
    given = sys.argv[1:]
    stdin = sys.stdin.read() if reads_stdin(given) and not sys.stdin.isatty() else ""
    code, errors = answer(os.path.basename(sys.argv[0]), given, stdin, say, globals().get("registry"))
    sys.stderr.write(errors)
    sys.exit(code)


if __name__ == "__main__":
    main()
