"""Runs a command and ends its whole process group when our stdin closes: a server can't outlive its job.

A script of its own without imports from the arena, so that it starts in milliseconds. (The kernel's
PR_SET_PDEATHSIG would fire when the *thread* that opened the server ends.)
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

GRACE_SECONDS = 5.0


def main() -> int:
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=_end_with_parent, args=(child,), daemon=True).start()
    return child.wait()


def _end_with_parent(child: subprocess.Popen[bytes]) -> None:
    sys.stdin.buffer.read()
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, sign)
        until = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < until and child.poll() is None:
            time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)  # what the child left behind


if __name__ == "__main__":
    sys.exit(main())
