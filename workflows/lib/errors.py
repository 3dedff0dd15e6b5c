"""The ways in which a step ends early. Each message is one sentence."""


class InvalidInput(Exception):
    """A value that is not what it should be; the message says what to give instead."""


class StepFailed(Exception):
    """A step that could not do its work, for good; the message says what happened."""


class Refused(StepFailed):
    """What was asked for is not allowed, or cannot be: what it names is not there, or not what it should be."""


class Unavailable(Exception):
    """
    What the step needs does not answer now: MLflow, the registry or the API server. No StepFailed, since nothing has
    been decided: the same step runs again, and continues with the same record.
    """
