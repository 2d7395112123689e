# SPDX-License-Identifier: Apache-2.0
"""throttle.py FOLDER LOW HIGH SEED ACTION COMMAND...: runs a sweep in a session of its own and does something to it at a moment of its progress.

The sweep goes on in slices, stopped between them, so that it does not run away from a watcher that is slow on a busy machine. The moment: when FOLDER/results.sqlite has a number of points drawn from LOW to HIGH by SEED,
and up to 30 ms after. ACTION: kill (SIGKILL to all of its processes), kill-worker (to one child of it; then it goes on to its end) or interrupt (SIGINT to itself). Exit: kill: 0; else what the command exits with; 3: it ended before.
"""
import os, random, signal, sqlite3, subprocess, sys, time

folder, low, high, seed, action = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4], sys.argv[5]
draw = random.Random(seed)
target = draw.uniform(low, high)


def points():
    try:
        c = sqlite3.connect(f"file:{folder}/results.sqlite?mode=ro", uri=True, timeout=0.01)
        try:
            return c.execute("select count(*) from points").fetchone()[0]
        finally:
            c.close()
    except sqlite3.Error:  # not there yet, or its writer was stopped with a lock
        return 0


def children(pid):
    return [int(p) for p in open(f"/proc/{pid}/task/{pid}/children").read().split()]


sweep = subprocess.Popen(sys.argv[6:], start_new_session=True)
while sweep.poll() is None:
    os.killpg(sweep.pid, signal.SIGSTOP)
    ready = points() >= target and (action != "kill-worker" or children(sweep.pid))
    os.killpg(sweep.pid, signal.SIGCONT)
    if ready:
        break
    time.sleep(0.004)
else:
    sys.exit(3)
if action == "kill":
    time.sleep(draw.uniform(0.0, 0.03))
    os.killpg(sweep.pid, signal.SIGKILL)  # not waited for yet, so the number is still its own
    sys.exit(0 if sweep.wait() == -signal.SIGKILL else 3)
victims = children(sweep.pid) if action == "kill-worker" else [sweep.pid]
if not victims:
    sweep.wait()
    sys.exit(3)
os.kill(victims[0], signal.SIGKILL if action == "kill-worker" else signal.SIGINT)
sys.exit(sweep.wait())
