"""
Runs steps, each in a process of its own that starts no Python: to load its standard library takes longer than most
steps do. One process has loaded it and the project's modules, has no thread, and forks for each step.
"""

import json
import os
import select
import shutil
import subprocess
import sys
import sysconfig
from importlib import import_module
from pathlib import Path

import fake_registry
import fake_tool

# What most steps use. One that is missing here is loaded by each step that uses it.
LIBRARY = ["dataclasses", "datetime", "http.client", "ipaddress", "runpy", "statistics", "tempfile", "urllib.request"]
# What the steps that sign or verify use of a package. No step finds another package, or another part of this one.
SIGNING = ["cryptography.hazmat.primitives.serialization", "cryptography.hazmat.primitives.asymmetric.ec"]
SECONDS = 60  # that a step may take
STREAMS = ["stdout", "stderr"]  # files in a step's folder
PACKAGES = ["lib", "gates"]  # of the project, that the steps use
LONGEST = 1 << 15  # characters of an argument that the system takes however they are encoded


class StepProcesses:
    """Runs one step at a time, until `stop`."""

    def __init__(self, bytecode, workflows):
        """
        `bytecode`: the variables that say where Python keeps it. `workflows`: the folder that most steps are run from.
        """
        # The variables of the interpreter alone: a step gets its own.
        self.parent = subprocess.Popen(
            [sys.executable, "-S", __file__, sysconfig.get_path("platlib"), str(workflows)],
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


def serve(packages, workflows):
    """
    Runs the step of each line of the standard input, and prints its exit code. `packages`: where SIGNING is.
    `workflows`: whose modules are loaded before.
    """
    for name in LIBRARY:
        import_module(name)
    sys.path.append(packages)
    for name in SIGNING:
        import_module(name)
    sys.path.remove(packages)
    load(workflows)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            become(workflows, **json.loads(line))
            return
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def load(workflows):
    """
    Loads the project's modules. A module may read its own files when it is loaded, and no variable: a step gets its
    variables later, so the one that it reads is missing here.
    """
    sys.path.insert(0, workflows)
    for package in PACKAGES:
        for module in sorted(Path(workflows, package).glob("*.py")):
            import_module(f"{package}.{module.stem}")
    sys.path.remove(workflows)


def forget():
    """Has the project's modules loaded anew."""
    for name in list(sys.modules):
        if name.partition(".")[0] in PACKAGES:
            del sys.modules[name]


def become(loaded, step, folder, workflows, env):
    """Goes on as `python3 -S -m steps.STEP` would begin. `loaded`: the folder whose modules are loaded."""
    import runpy

    if workflows != loaded:
        forget()
    os.chdir(folder)
    for number, file in enumerate(["/dev/null", *STREAMS]):
        opened = os.open(file, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(env)
    subprocess.run = answer_here(subprocess.run)
    sys.path[0:1] = [folder, workflows]
    sys.argv = [step]
    runpy.run_module(f"steps.{step}", run_name="__main__", alter_sys=True)


def answer_here(run):
    """
    `subprocess.run` for a step: what stands for its tools answers in the step's own process. To start Python for each
    call would take longer than all else that the steps do. A step that uses more of `run`, or another tool, starts a
    process; so does a call that the system may refuse.
    """

    def answered(command, **options):
        name, *args = command
        given = options.pop("input", None)
        executable = shutil.which(name) or ""
        is_plain = all(isinstance(part, str) and "\0" not in part and len(part) < LONGEST for part in command)
        is_fake = executable.startswith(os.environ["FAKE_STATE"])
        if not (is_plain and is_fake and options == {"capture_output": True, "text": True}):
            return run(command, **options, **({} if given is None else {"input": given}))
        output = []
        stdin = (given or "") if fake_tool.reads_stdin(args) else ""
        registry = fake_registry.registry if name == "crane" else None
        code, errors = fake_tool.answer(name, args, stdin, output.append, registry)
        return subprocess.CompletedProcess(command, code, "".join(output), errors)

    return answered


if __name__ == "__main__":
    serve(*sys.argv[1:])
