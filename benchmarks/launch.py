"""Runs a command and writes what it used, as JSON, to the file descriptor that is the first argument.

A process of its own, and a small one: the kernel hands a parent's peak of memory on to what it starts, so that
whatever the benchmark itself holds would be the least that any contender can show.
"""

import json
import os
import subprocess
import sys
import time

began = time.perf_counter()
child = subprocess.Popen(sys.argv[2:])
_, status, used = os.wait4(child.pid, 0)
seconds = time.perf_counter() - began
told = {
    "seconds": seconds,
    "cpu": used.ru_utime + used.ru_stime,
    "peak_mb": used.ru_maxrss / 1024,
    "exit_code": os.waitstatus_to_exitcode(status),
}
os.write(int(sys.argv[1]), json.dumps(told).encode())
