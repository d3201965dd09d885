"""sluice bench against sluice mock: bench.py PATH-OF-SLUICE"""
import json
import subprocess
import sys

sluice = sys.argv[1]


def mock(*args):
    p = subprocess.Popen([sluice, "mock", "--port", "0", *args], stdout=subprocess.PIPE, text=True)
    return p, p.stdout.readline().split()[-1]


def bench(*args):
    out = subprocess.run([sluice, "bench", "--json", *args], stdout=subprocess.PIPE, text=True, timeout=60)
    return out.returncode, json.loads(out.stdout) if out.returncode == 0 else None


def check(what, ok):
    if not ok:
        sys.exit(f"bench.py: {what}")


plain, plain_url = mock("--reply-bytes", "400")
slow, slow_url = mock("--chunks", "5", "--chunk-rate", "50")
try:
    status, r = bench("--url", plain_url, "--pid", str(plain.pid), "--requests", "300", "--connections", "7")
    check("plain: status", status == 0)
    check(f"plain: counts {r}", r[0]["requests"] == 300 and r[0]["errors"] == 0 and len(r) == 1)
    check("plain: latency", 0 < r[0]["latency_us"]["p50"] <= r[0]["latency_us"]["max"])
    check("plain: cpu", 0 < r[0]["cpu_us_per_request"] < 10000)
    check("plain: tokens", r[0]["completion_tokens"] > 0)

    status, r = bench("--url", slow_url, "--stream", "--requests", "6", "--connections", "3")
    check(f"stream: {r}", status == 0 and r[0]["requests"] == 6 and r[0]["events"] >= 30)
    check("stream: gaps of 20 ms", 15000 < r[0]["gap_us"]["p50"] < 200000)
    check("stream: first token before the end", r[0]["first_token_us"]["p50"] < r[0]["latency_us"]["p50"])

    status, r = bench("--url", plain_url, "--url", plain_url + "/nowhere", "--interleave", "3",
                      "--requests", "5", "--prompt-bytes", "300000")
    check("two: order", status == 0 and [t["url"] for t in r] == [plain_url, plain_url + "/nowhere"])
    check(f"two: counts {r}", r[0]["requests"] == 15 and r[1]["errors"] == 15 and r[1]["requests"] == 0)
    check("two: error shown", "404" in r[1]["first_error"] and len(r[0]["turns"]) == 3)

    status, r = bench("--url", plain_url, "--rate", "200", "--duration", "0.5", "--connections", "5")
    check(f"open loop: {r}", status == 0 and 30 <= r[0]["requests"] <= 101)

    status, r = bench("--url", plain_url, "--duration", "0.2", "--connections", "20", "--no-tokens")
    check(f"closed loop: {r}", status == 0 and r[0]["requests"] > 20 and r[0]["errors"] == 0)

    plain.kill()
    plain.wait()
    check("unreachable", bench("--url", plain_url, "--requests", "1")[0] == 1)
    check("no url", bench()[0] == 2)
    check("bad number", bench("--url", slow_url, "--requests", "x")[0] == 2)
finally:
    plain.kill()
    slow.kill()
