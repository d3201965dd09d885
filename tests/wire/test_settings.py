"""Config keys whose effect is seen on the wire."""
import threading
import time

import pytest

from conftest import completion, config_of, model, reply
from test_relay import FRAMES, body_of, streaming, wait_until


def ok(conn, request):
    conn.sendall(reply(completion()))


def test_additional_drop_params(gateway, upstream):
    up = upstream(ok)
    gw = gateway(config_of(model("m", up.base, additional_drop_params=["foo", "a.b", "tools[*].extra", "arr[0].c"])))
    gw.chat(foo=1, a={"b": 2, "c": 3}, tools=[{"type": "function", "extra": 1, "function": {"name": "f"}}],
            arr=[{"c": 1, "d": 2}, {"c": 3}])
    sent = body_of(up.requests[0])
    assert "foo" not in sent and sent["a"] == {"c": 3} and "extra" not in sent["tools"][0]
    assert sent["arr"] == [{"d": 2}, {"c": 3}]


def test_gateway_members_stay_here(gateway, upstream):
    up = upstream(ok)
    gw = gateway(config_of(model("m", up.base)))
    gw.chat(metadata={"a": "b"}, tags=["x"], num_retries=1, cache={"no-cache": True}, custom=1)
    sent = body_of(up.requests[0])
    assert sent["custom"] == 1 and not {"metadata", "tags", "num_retries", "cache"} & set(sent)
    gw.chat(metadata={"a": "b"}, store=True)
    assert body_of(up.requests[1])["metadata"] == {"a": "b"}


def test_azure_like_path_gives_the_model(gateway, upstream):
    up = upstream(ok)
    gw = gateway(config_of(model("m", up.base)))
    r = gw.http.post("/openai/deployments/m/chat/completions?api-version=1", json={"messages": []})
    assert r.status_code == 200 and body_of(up.requests[0])["model"] == "upstream-model"


def test_fallback_overrides_are_set(gateway, upstream):
    bad = upstream(lambda c, r: c.sendall(reply({"error": {"message": "x"}}, status="500 X")) and None)
    up = upstream(ok)
    gw = gateway(config_of(model("a", bad.base), model("b", up.base),
                           router_settings={"num_retries": 0,
                                            "fallbacks": [{"a": [{"model": "b", "temperature": 0.125}]}]}))
    assert gw.chat("a", temperature=1).status_code == 200
    assert body_of(up.requests[0])["temperature"] == 0.125


def test_timeout_field(gateway, upstream):
    up = upstream(lambda c, r: time.sleep(3))
    gw = gateway(config_of(model("m", up.base)))
    start = time.monotonic()
    r = gw.http.post("/v1/chat/completions", json={"model": "m", "messages": []},
                     headers={"x-litellm-timeout": "0.3", "x-litellm-num-retries": "0"})
    assert r.status_code == 408 and time.monotonic() - start < 1.5
    assert "in time" in r.json()["error"]["message"]


def test_key_header_name(gateway, upstream):
    up = upstream(ok)
    gw = gateway(config_of(model("m", up.base), general_settings={
        "master_key": "sk-long-enough-for-a-test", "litellm_key_header_name": "X-Team-Key"}))
    body = {"model": "m", "messages": []}
    assert gw.http.post("/v1/chat/completions", json=body,
                        headers={"authorization": "Bearer sk-long-enough-for-a-test"}).status_code == 401
    assert gw.http.post("/v1/chat/completions", json=body,
                        headers={"x-team-key": "Bearer sk-long-enough-for-a-test"}).status_code == 200


@pytest.mark.parametrize("wanted", [True, False])
def test_metrics_may_be_open(gateway, wanted):
    gw = gateway(config_of(model("m", "http://127.0.0.1:9/v1"),
                           general_settings={"master_key": "sk-long-enough-for-a-test"},
                           litellm_settings={"require_auth_for_metrics_endpoint": wanted}))
    assert gw.http.get("/metrics").status_code == (401 if wanted else 200)


def test_in_flight_limit(gateway, upstream):
    up = upstream(lambda c, r: (time.sleep(1.0), ok(c, r)) and None)
    gw = gateway(config_of(model("m", up.base), general_settings={"max_in_flight_requests_per_worker": 1}))
    t = threading.Thread(target=gw.chat)
    t.start()
    assert wait_until(lambda: up.requests)
    r = gw.chat()
    assert r.status_code == 503 and r.headers["retry-after"] == "1"
    assert gw.http.get("/health/liveliness").status_code == 200
    t.join()


def test_keepalive_rhythm_of_a_deployment(gateway, upstream):
    def handle(conn, request):
        time.sleep(2.6)
        streaming(FRAMES)(conn, request)
    up = upstream(handle)
    gw = gateway(config_of(model("m", up.base, keepalive_seconds=1)))
    with gw.http.stream("POST", "/v1/chat/completions", json={"model": "m", "stream": True, "messages": []}) as r:
        assert r.read().count(b": keep-alive\n\n") == 2


def test_merge_reasoning(gateway, upstream):
    answer = completion("four")
    answer["choices"][0]["message"]["reasoning_content"] = "two and two"
    up = upstream(lambda c, r: c.sendall(reply(answer)) and None)
    gw = gateway(config_of(model("m", up.base, merge_reasoning_content_in_choices=True)))
    content = gw.chat().json()["choices"][0]["message"]["content"]
    assert content.startswith("<think>") and "two and two" in content and content.endswith("four")


def test_quirks_translate_only_what_needs_it(gateway, upstream):
    up = upstream(ok)
    gw = gateway(config_of(model("m", up.base, model="hosted_vllm/upstream-model")))
    text = '{"model":"m",  "messages":[{"role":"user","content":"hi"}]}'
    gw.http.post("/v1/chat/completions", content=text)
    assert up.requests[0].endswith(text.replace('"m"', '"upstream-model"').encode())
    gw.chat(max_completion_tokens=5)
    sent = body_of(up.requests[1])
    assert sent.get("max_tokens") == 5 or sent.get("max_completion_tokens") == 5
