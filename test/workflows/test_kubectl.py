"""kubectl.py: reads a watch's stream as it comes."""

import selectors
import sys
import time

from lib import kubectl

HALVES = """
import sys, time
text = '{"type": "ADDED", "object": {"message": "caf\\u00e9"}}'.encode()
cut = text.index(b"\\xc3") + 1
for part in (text[:cut], text[cut:], b'{"type": "MODIFIED", "object": {"message": "\\xff"}}'):
    sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()
    time.sleep(0.2)
"""


def test_a_read_may_end_inside_a_character():
    events = list(kubectl._stream([sys.executable, "-IS", "-c", HALVES], time.monotonic() + 10))
    assert events == [("ADDED", {"message": "caf\u00e9"}), ("MODIFIED", {"message": "\ufffd"})]


def test_closes_its_selector(monkeypatch):
    made = []

    class Watched(selectors.DefaultSelector):
        def __init__(self):
            super().__init__()
            made.append(self)

    monkeypatch.setattr(kubectl.selectors, "DefaultSelector", Watched)
    stream = kubectl._stream([sys.executable, "-IS", "-c", HALVES], time.monotonic() + 10)
    next(stream)
    stream.close()
    assert made[0].get_map() is None
