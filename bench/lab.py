"""lab.py - the processes of one measurement: what bench/run and bench/pairs share."""
import os
import pathlib
import platform
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Lab:
    """Servers, each on its core; all end with the lab."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="sluice-bench-"))
        # the servers' workers may run as another user, who must get at their folders
        self.dir.chmod(0o755)
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def stop(self):
        for p in reversed(self.processes):
            if p.poll() is None:
                p.terminate()
        for p in self.processes:
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        self.processes = []

    def start(self, core, argv, port, env=None, patience_s=5):
        """Starts argv on that core; returns its pid once it listens, None if it does not."""
        log = open(self.dir / f"log-{len(self.processes)}", "w+")
        p = subprocess.Popen(["taskset", "-c", str(core), *argv], stdin=subprocess.DEVNULL,
                             stdout=log, stderr=log, env={**os.environ, **(env or {})})
        self.processes.append(p)
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline and p.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return p.pid
            except OSError:
                time.sleep(0.05)
        log.seek(0)
        print(f"{argv[0]} {argv[1]} does not listen: {log.read().strip()[:400]}", file=sys.stderr)
        return None


def proxies_connections():
    """How many connections a proxy can hold, two descriptors each."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 30000 if files == resource.RLIM_INFINITY else min(30000, (files - 200) // 2)


def version_of(*argv):
    try:
        out = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
        return out.splitlines()[0] if out else "?"
    except OSError:
        return "not installed"


def machine(*versions):
    """The date, the processor, the kernel, and what else is named."""
    model = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    here = (f"{time.strftime('%Y-%m-%d')}, {len(model)} x {model[0] if model else platform.machine()}, "
            f"Linux {platform.release()}")
    return "; ".join([here, *versions])
