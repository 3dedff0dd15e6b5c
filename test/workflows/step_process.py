"""
Runs steps, each in a process of its own that starts no Python: to load its standard library takes longer than most
steps do. One process has loaded it, has no thread and no module of the project, and forks for each step.
"""

import json
import os
import select
import subprocess
import sys
import sysconfig
from importlib import import_module

# What most steps use. One that is missing here is loaded by each step that uses it.
LIBRARY = ["dataclasses", "datetime", "http.client", "ipaddress", "runpy", "statistics", "tempfile", "urllib.request"]
# What the steps that sign or verify use of a package. No step finds another package, or another part of this one.
SIGNING = ["cryptography.hazmat.primitives.serialization", "cryptography.hazmat.primitives.asymmetric.ec"]
SECONDS = 60  # that a step may take
STREAMS = ["stdout", "stderr"]  # files in a step's folder


class StepProcesses:
    """Runs one step at a time, until `stop`."""

    def __init__(self, bytecode):
        """`bytecode`: the variables that say where Python keeps it."""
        # The variables of the interpreter alone: a step gets its own.
        self.parent = subprocess.Popen(
            [sys.executable, "-S", __file__, sysconfig.get_path("platlib")],
            env=bytecode,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, step, folder, workflows, env):
        """
        Runs an entry point of the folder `workflows` in `folder`, with these variables.
        Raises TimeoutExpired, after which no other step can run.
        """
        job = {"step": step, "folder": str(folder), "workflows": str(workflows), "env": env}
        self.parent.stdin.write(f"{json.dumps(job)}\n")
        self.parent.stdin.flush()
        if not select.select([self.parent.stdout], [], [], SECONDS)[0]:
            raise subprocess.TimeoutExpired(step, SECONDS)
        code = int(self.parent.stdout.readline())
        return subprocess.CompletedProcess(step, code, *((folder / stream).read_text() for stream in STREAMS))

    def stop(self):
        self.parent.stdin.close()
        self.parent.stdout.close()
        self.parent.terminate()
        self.parent.wait()


def serve(packages):
    """Runs the step of each line of the standard input, and prints its exit code. `packages`: where SIGNING is."""
    for name in LIBRARY:
        import_module(name)
    sys.path.append(packages)
    for name in SIGNING:
        import_module(name)
    sys.path.remove(packages)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            become(**json.loads(line))
            return
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def become(step, folder, workflows, env):
    """Goes on as `python3 -S -m steps.STEP` would begin."""
    import runpy

    os.chdir(folder)
    for number, file in enumerate(["/dev/null", *STREAMS]):
        opened = os.open(file, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(env)
    sys.path[0:1] = [folder, workflows]
    sys.argv = [step]
    runpy.run_module(f"steps.{step}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    serve(sys.argv[1])
