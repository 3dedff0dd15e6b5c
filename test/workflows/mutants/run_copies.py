"""
Runs tests in copies of the project, each with one change: `[copy, file, content, tests]` a line of stdin, as JSON, and
`[copy, exit code of pytest, what it said]` a line of stdout. The copies are made of the folder `unchanged` beside them.
Each has a process of its own, forked when pytest is loaded: to load it takes longer than most tests do.
"""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

AT_ONCE = 2 * (os.cpu_count() or 1)  # most tests wait for something


def run(copy, file, content, tests):
    shutil.copytree("unchanged", copy, copy_function=os.link)
    os.chdir(copy)
    Path(file).unlink()
    Path(file).write_text(content)
    output = os.open("output", os.O_WRONLY | os.O_CREAT)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(output, stream.fileno())
    code = pytest.main(["-x", "-vv", "-p", "no:cacheprovider", "--basetemp", "tmp", *tests])
    sys.stdout.flush()
    os._exit(code)


waiting, running = [json.loads(line) for line in sys.stdin], {}
while waiting or running:
    while waiting and len(running) < AT_ONCE:
        job = waiting.pop(0)
        child = os.fork()
        if child == 0:
            run(*job)
        running[child] = job[0]
    child, status = os.wait()
    copy = running.pop(child)
    print(json.dumps([copy, os.waitstatus_to_exitcode(status), Path(copy, "output").read_text()]), flush=True)
