# SPDX-License-Identifier: BSD-3-Clause
"""Job queues of python3-rq with several worker processes (its own program, which forks for each
job). Argument: the server's port.

Each case prints "ok NAME: OUTCOME" or "FAIL NAME: why"; the outcome is for the comparison with the
same case at another server.
"""

import datetime
import json
import pathlib
import subprocess
import sys
import time

import redis
from rq import Queue, Retry, get_current_job
from rq.command import send_stop_job_command
from rq.job import Dependency, Job, JobStatus
from rq.registry import FailedJobRegistry, FinishedJobRegistry, ScheduledJobRegistry

HERE = pathlib.Path(__file__).resolve().parent
RQ = "/usr/bin/rq"
PORT = int(sys.argv[1]) if __name__ == "__main__" else 0
WORKERS = 3
SECONDS_MAX = 60


# ---- What the workers run ------------------------------------------------------------------------

def square(n):
    return n * n


def total(*names):
    """The sum of what the jobs it depends on have returned."""
    r = get_current_job().connection
    return sum(Job.fetch(name, connection=r).result for name in names)


def fail():
    raise ValueError("as asked")


def fail_at_first(name):
    tries = get_current_job().connection.incr(f"tries:{name}")
    if tries < 3:
        raise ValueError(f"try {tries}")
    return tries


def note(name):
    get_current_job().connection.rpush("order", name)


def sleep_long():
    get_current_job().connection.set("asleep", 1)
    time.sleep(SECONDS_MAX)


# ---- The cases -----------------------------------------------------------------------------------

def worker(*queues, burst=True, scheduler=False):
    """A worker's process."""
    words = [RQ, "worker", "--url", f"redis://127.0.0.1:{PORT}", "--path", HERE, "--quiet"]
    words += ["--burst"] * burst + ["--with-scheduler"] * scheduler
    return subprocess.Popen([*words, *queues], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def work(*queues, count=WORKERS, **options):
    """Workers run until the queues are empty."""
    processes = [worker(*queues, **options) for _ in range(count)]
    for process in processes:
        assert process.wait(SECONDS_MAX) == 0, process.returncode


def wait_for(condition, what):
    deadline = time.monotonic() + SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def each_job_is_done_once(r):
    queue = Queue("default", connection=r)
    jobs = [queue.enqueue(square, n) for n in range(30)]
    work("default")
    results = [Job.fetch(job.id, connection=r).result for job in jobs]
    assert results == [n * n for n in range(30)], results
    return [sum(results), len(FinishedJobRegistry(queue=queue)), len(queue)]


def queues_in_order(r):
    for name in "low", "high":
        for n in range(3):
            Queue(name, connection=r).enqueue(note, f"{name}{n}")
    Queue("high", connection=r).enqueue(note, "front", at_front=True)
    work("high", "low", count=1)
    return [name.decode() for name in r.lrange("order", 0, -1)]


def jobs_that_depend_on_others(r):
    queue = Queue("default", connection=r)
    first = [queue.enqueue(square, n) for n in (1, 2, 3)]
    last = queue.enqueue(total, *[job.id for job in first], depends_on=first)
    bad = queue.enqueue(fail)
    never = queue.enqueue(square, 1, depends_on=bad)
    anyway = queue.enqueue(square, 5, depends_on=Dependency(bad, allow_failure=True))
    work("default")
    return [last.result, never.get_status(), anyway.result]


def failures_and_retries(r):
    queue = Queue("default", connection=r)
    bad = queue.enqueue(fail)
    again = queue.enqueue(fail_at_first, "a", retry=Retry(max=3))
    work("default", count=1)
    failed = FailedJobRegistry(queue=queue)
    assert bad.id in failed and "as asked" in bad.latest_result().exc_string
    outcome = [len(failed), again.result, bad.get_status()]
    failed.requeue(bad.id)
    return [*outcome, queue.job_ids == [bad.id], len(failed)]


def scheduled_jobs(r):
    queue = Queue("default", connection=r)
    job = queue.enqueue_in(datetime.timedelta(milliseconds=500), square, 6)
    before = len(ScheduledJobRegistry(queue=queue))
    process = worker("default", burst=False, scheduler=True)
    try:
        wait_for(lambda: job.get_status() == JobStatus.FINISHED, "the scheduled job")
    finally:
        process.terminate()
        process.wait(SECONDS_MAX)
    return [before, job.result, len(ScheduledJobRegistry(queue=queue))]


def a_running_job_is_stopped(r):
    queue = Queue("default", connection=r)
    job = queue.enqueue(sleep_long)
    process = worker("default")
    wait_for(lambda: r.exists("asleep"), "the job")
    send_stop_job_command(r, job.id)
    assert process.wait(SECONDS_MAX) == 0
    return [job.get_status(), len(FailedJobRegistry(queue=queue))]


CASES = (each_job_is_done_once, queues_in_order, jobs_that_depend_on_others, failures_and_retries,
         scheduled_jobs, a_running_job_is_stopped)


def main():
    # Jobs name their functions by this module, which the workers import.
    import python_rq
    for case in python_rq.CASES:
        python_rq.PORT = PORT
        r = redis.Redis(port=PORT, socket_timeout=SECONDS_MAX)
        r.flushall()
        try:
            print(f"ok {case.__name__}: {json.dumps(case(r))}", flush=True)
        except Exception as error:  # pylint: disable=broad-exception-caught
            print(f"FAIL {case.__name__}: {error!r}", flush=True)
        r.close()


if __name__ == "__main__":
    main()
