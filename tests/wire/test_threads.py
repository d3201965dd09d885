"""Several workers at once: requests and streams while the configuration changes under them.

Under the TSan binary a data race shows in stderr, which every gateway's end looks through.
"""
import signal
import threading

import httpx
import pytest

from conftest import config_of, model

WORKERS = 4


def ask(url, rounds, wrong):
    body = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
    for i in range(rounds):
        with httpx.Client(base_url=url, timeout=30) as http:  # a connection each: any worker may get it
            r = http.post("/v1/chat/completions", json={**body, "stream": i % 2 == 0})
            if r.status_code != 200 or i % 2 == 0 and not r.text.endswith("data: [DONE]\n\n"):
                wrong.append((r.status_code, r.text[-300:]))
            http.get("/metrics")
            http.get("/v1/models")


@pytest.mark.parametrize("strategy", ["simple-shuffle", "least-busy"])
def test_reloads_under_load_of_all_workers(gateway, mock, strategy):
    one, two = mock(), mock()
    config = config_of(model("m", one.url + "/v1"), model("m", two.url + "/v1"),
                       router_settings={"routing_strategy": strategy})
    gw = gateway(config, "--num_workers", str(WORKERS))
    wrong = []
    clients = [threading.Thread(target=ask, args=(gw.url, 12, wrong)) for _ in range(WORKERS)]
    for c in clients:
        c.start()
    reloads = 0
    while any(c.is_alive() for c in clients):
        gw.popen.send_signal(signal.SIGHUP)
        reloads += 1
        for c in clients:
            c.join(0.02)
    assert not wrong, wrong[:3]
    assert reloads > 1 and any("reload:" in line for line in gw.lines)
