"""How an entry point runs, and with which exit code it ends."""

import sys
from collections.abc import Callable
from typing import NoReturn

from lib import outputs
from lib.errors import InvalidInput, StepFailed, Unavailable

UNAVAILABLE = 75  # EX_TEMPFAIL of sysexits.h


def run(main: Callable[[], int | None]) -> NoReturn:
    """
    Runs the `main` of an entry point, and exits with what it returns, or 0. An error ends it with one sentence and exit
    code 2 (InvalidInput), 75 (Unavailable: the workflow runs the step again) or 1 (StepFailed, which is final).
    """
    try:
        code = main()
    except InvalidInput as problem:
        _stop("Invalid input", problem, 2)
    except Unavailable as failure:
        _stop("Unavailable", failure, UNAVAILABLE)
    except StepFailed as failure:
        _stop("Failed", failure, 1)
    sys.exit(code or 0)


def _stop(word: str, problem: Exception, code: int) -> NoReturn:
    outputs.write("reason", outputs.clean(problem))
    print(f"{word}: {problem}", file=sys.stderr)
    sys.exit(code)
