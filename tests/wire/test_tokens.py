"""Counting tokens: here exactly or about, and by the vendors that count."""
import json
import os

import pytest

from conftest import answering, body_of, chunk, completion, config_of, model, path_of, reply
from test_relay import streaming, wait_until

EXACT = os.path.exists(os.path.join(os.path.dirname(__file__), "../../.tokenizers/o200k_base.tiktoken"))
needs_tables = pytest.mark.skipif(not EXACT, reason="a build without script/tokenizers' data only estimates")

SAID = {"messages": [{"role": "user", "content": "How is the weather in Zürich today?"}]}  # LiteLLM: 17, 15
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": SAID["messages"][0]["content"]}]}]}
INPUT = {"input": SAID["messages"][0]["content"]}


@pytest.fixture
def models(gateway, upstream):
    up = upstream(answering({}))
    gw = gateway(config_of(*(model(name, up.base, "openai/" + of) for name, of in (
        ("new", "gpt-4o-mini"), ("old", "gpt-4-turbo"), ("oss", "gpt-oss-20b"), ("other", "mistral-small"))),
        {"model_name": "named", "litellm_params": {"model": "openai/my-deployment", "api_base": up.base, "api_key": "k"},
         "model_info": {"base_model": "gpt-4"}}))
    yield gw
    assert up.requests == []


@needs_tables
@pytest.mark.parametrize("name, encoding, n", [
    ("new", "o200k_base", 15), ("oss", "o200k_base", 15), ("old", "cl100k_base", 17), ("named", "cl100k_base", 17),
    ("other", "estimate", 15)])
def test_every_surface_counts_alike(models, name, encoding, n):
    for path, body, member in (
            ("/v1/messages/count_tokens", {"model": name, **SAID}, "input_tokens"),
            ("/v1/responses/input_tokens", {"model": name, **INPUT}, "input_tokens"),
            (f"/v1beta/models/{name}:countTokens", CONTENTS, "totalTokens"),
            ("/utils/token_counter", {"model": name, **SAID}, "total_tokens"),
            ("/utils/token_counter", {"model": name, **CONTENTS}, "total_tokens")):
        r = models.http.post(path, json=body)
        assert (r.status_code, r.json()[member]) == (200, n), (path, r.text)
        assert r.headers["x-sluice-token-count"] == encoding, path


@needs_tables
def test_the_counter_answers_as_litellms(models):
    r = models.http.post("/utils/token_counter", json={"model": "new", "prompt": "Hello, world!"})
    assert r.json() == {
        "total_tokens": 4, "request_model": "new", "model_used": "gpt-4o-mini", "tokenizer_type": "openai_tokenizer",
        "count_source": "local_estimate", "original_response": None, "error": False, "error_message": None,
        "status_code": None}
    r = models.http.post("/utils/token_counter", json={"model": "gpt-4", **SAID})  # nobody serves it
    assert r.json()["total_tokens"] == 17 and r.json()["model_used"] == "gpt-4"


def test_pictures_make_an_estimate(models):
    parts = [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "https://a.example/x.png"}}]
    r = models.http.post("/utils/token_counter", json={"model": "new", "messages": [{"role": "user", "content": parts}]})
    assert r.json()["total_tokens"] in range(770, 776) and r.headers["x-sluice-token-count"] == "estimate"


def test_input_tokens_of_the_responses_api(gateway, upstream):
    def native(conn, request):
        conn.sendall(reply({"object": "response.input_tokens", "input_tokens": 11}))
    up = upstream(native)
    gw = gateway(config_of(model("n", up.base, "openai/responses/gpt-5"), model("c", up.base, "openai/gpt-5")))
    r = gw.http.post("/v1/responses/input_tokens", json={"model": "n", "input": "hi", "tools": []})
    assert r.json() == {"object": "response.input_tokens", "input_tokens": 11}
    assert path_of(up.requests[0]) == "/v1/responses/input_tokens" and "x-sluice-token-count" not in r.headers
    assert body_of(up.requests[0]) == {"model": "gpt-5", "input": "hi", "tools": []}
    r = gw.http.post("/v1/responses/input_tokens", json={"model": "c", "input": "hi", "instructions": "Be brief."})
    assert r.json()["object"] == "response.input_tokens" and 8 <= r.json()["input_tokens"] <= 20
    r = gw.http.post("/v1/responses/input_tokens", json={"model": "c", "input": 5})
    assert r.status_code == 400
    r = gw.http.post("/v1/responses/input_tokens",
                     json={"model": "c", "input": "hi", "previous_response_id": "resp_unknown"})
    assert r.status_code == 400 and r.json()["error"]["param"] == "previous_response_id"
    assert len(up.requests) == 1


def test_what_went_before_is_counted(gateway):
    gw = gateway(config_of({"model_name": "e", "litellm_params": {"model": "sluice/echo"}}))
    first = gw.http.post("/v1/responses", json={"model": "e", "input": "word " * 500}).json()
    alone = gw.http.post("/v1/responses/input_tokens", json={"model": "e", "input": "more"}).json()["input_tokens"]
    after = gw.http.post("/v1/responses/input_tokens", json={
        "model": "e", "input": "more", "previous_response_id": first["id"]}).json()["input_tokens"]
    assert alone < 20 and after > 500


def test_vendors_are_asked_in_their_own_words(gateway, upstream):
    def counters(conn, request):
        conn.sendall(reply({"totalTokens": 31} if b":countTokens" in request else {"input_tokens": 2095}))
    up = upstream(counters)
    base = f"http://127.0.0.1:{up.port}"
    gw = gateway(config_of(model("claude", base, "anthropic/claude-x"), model("gemini", base, "gemini/gemini-x"),
                           model("native", up.base, "openai/responses/gpt-5")))
    r = gw.http.post("/v1beta/models/claude:countTokens", json={
        **CONTENTS, "generationConfig": {"maxOutputTokens": 5}, "systemInstruction": {"parts": [{"text": "Be brief."}]}})
    assert r.json() == {"totalTokens": 2095} and "x-sluice-token-count" not in r.headers
    assert path_of(up.requests[-1]) == "/v1/messages/count_tokens"
    asked = body_of(up.requests[-1])
    assert set(asked) == {"model", "messages", "system"} and asked["model"] == "claude-x"
    r = gw.http.post("/v1/messages/count_tokens", json={"model": "gemini", "system": "Be brief.", "max_tokens": 9, **SAID})
    assert r.json() == {"input_tokens": 31}
    assert path_of(up.requests[-1]) == "/v1beta/models/gemini-x:countTokens"
    asked = body_of(up.requests[-1])["generateContentRequest"]
    assert asked["model"] == "models/gemini-x" and set(asked) == {"model", "contents", "systemInstruction"}
    r = gw.http.post("/v1/messages/count_tokens", json={"model": "native", **SAID})
    assert r.json() == {"input_tokens": 2095} and path_of(up.requests[-1]) == "/v1/responses/input_tokens"
    assert set(body_of(up.requests[-1])) == {"model", "input"}


def test_the_counter_asks_the_vendor_if_told_to(gateway, upstream):
    up = upstream(answering({"input_tokens": 2095}))
    gw = gateway(config_of(model("claude", f"http://127.0.0.1:{up.port}", "anthropic/claude-x"),
                           model("other", up.base, "openai/mistral-small")))
    r = gw.http.post("/utils/token_counter?call_endpoint=true", json={"model": "claude", **SAID})
    assert r.json() == {
        "total_tokens": 2095, "request_model": "claude", "model_used": "claude-x", "tokenizer_type": "anthropic",
        "count_source": "provider", "original_response": {"input_tokens": 2095}, "error": False,
        "error_message": None, "status_code": None}
    assert path_of(up.requests[0]) == "/v1/messages/count_tokens" and len(up.requests) == 1
    for query, name in (("?call_endpoint=true", "other"), ("?call_endpoint=false", "claude"), ("", "claude")):
        r = gw.http.post("/utils/token_counter" + query, json={"model": name, **SAID})
        assert r.json()["count_source"] == "local_estimate" and r.headers["x-sluice-token-count"] == "estimate"
    assert len(up.requests) == 1


# ---- usage that an upstream leaves out ---------------------------------------------------------------

WORDS = ["The", " quick", " brown", " fox", " jumps", " over", " the", " lazy", " dog", "."]  # a token each


TOLD_NOTHING = [chunk({"content": w}) for w in WORDS] + [chunk({}, "stop"), "data: [DONE]\n\n"]


@needs_tables
def test_a_whole_answer_gets_its_usage(gateway, upstream):
    up = upstream(answering({"id": "c1", "object": "chat.completion", "created": 1, "model": "gpt-4o", "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "".join(WORDS)}}]}))
    gw = gateway(config_of(model("m", up.base, "openai/gpt-4o", input_cost_per_token=0.001, output_cost_per_token=0.01)))
    r = gw.http.post("/v1/chat/completions", json={"model": "m", **SAID})
    assert r.json()["usage"] == {"prompt_tokens": 15, "completion_tokens": 10, "total_tokens": 25}
    assert r.headers["x-sluice-token-count"] == "o200k_base"
    assert float(r.headers["x-litellm-response-cost"]) == pytest.approx(0.115)
    r = gw.http.post("/v1/messages", json={"model": "m", "max_tokens": 99, **SAID})
    assert (r.json()["usage"]["input_tokens"], r.json()["usage"]["output_tokens"]) == (15, 10)


def usages(data):
    return [json.loads(d)["usage"] for d in data if d != "[DONE]" and json.loads(d).get("usage")]


@needs_tables
def test_a_stream_gets_its_usage(gateway, upstream):
    up = upstream(streaming(TOLD_NOTHING))
    gw = gateway(config_of(model("m", up.base, "openai/gpt-4o")))
    ask = {"stream_options": {"include_usage": True}, **SAID}
    guess, = usages(gw.stream(**ask))
    assert guess["prompt_tokens"] > 5 and 9 <= guess["completion_tokens"] <= 13
    for _ in range(2):  # it has been noticed
        data = gw.stream(**ask)
        assert usages(data) == [{"prompt_tokens": 15, "completion_tokens": 10, "total_tokens": 25}]
        assert data[-1] == "[DONE]" and json.loads(data[-2])["choices"] == []
    assert usages(gw.stream(**SAID)) == []
    with gw.http.stream("POST", "/v1/messages", json={"model": "m", "max_tokens": 99, "stream": True, **SAID}) as r:
        assert '"output_tokens":10' in r.read().decode().replace(" ", "")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_what_was_streamed_before_the_end_is_counted(gateway, upstream, path):
    up = upstream(streaming(TOLD_NOTHING[:8], end=False))
    gw = gateway(config_of(model("m", up.base, "openai/gpt-4o", num_retries=0)))
    with gw.http.stream("POST", path, json={"model": "m", "max_tokens": 99, "stream": True, **SAID}) as r:
        r.read()
    assert wait_until(lambda: any("completion=" in line for line in gw.out_lines)), gw.out_lines
    line = next(line for line in gw.out_lines if "completion=" in line)
    n = int(line.partition("completion=")[2].split()[0])
    assert 7 <= n <= 11, line


# ---- enable_pre_call_checks --------------------------------------------------------------------------

def windows(up, **router):
    def row(name, n):
        return {**model(name, up.base, f"openai/gpt-4o-{n}"), "model_info": {"max_input_tokens": n}}
    return config_of(row("m", 50), row("m", 500), row("big", 5000), router_settings={"enable_pre_call_checks": True, **router})


def asking(gw, n, **more):
    return gw.http.post("/v1/chat/completions", json={"model": "m", "messages": [{"role": "user", "content": "word " * n}], **more})


def test_prompts_go_where_they_fit(gateway, upstream):
    up = upstream(answering(completion()))
    gw = gateway(windows(up))
    for _ in range(6):
        assert asking(gw, 300).status_code == 200
    assert {body_of(r)["model"] for r in up.requests} == {"gpt-4o-500"}
    for _ in range(30):
        assert asking(gw, 10).status_code == 200
    assert {body_of(r)["model"] for r in up.requests} == {"gpt-4o-50", "gpt-4o-500"}
    n = len(up.requests)
    r = asking(gw, 700)
    assert r.status_code == 400 and r.json()["error"]["param"] == "messages"
    assert "max_input_tokens" in r.json()["error"]["message"] and "about 70" in r.json()["error"]["message"]
    assert len(up.requests) == n


def test_too_long_prompts_fall_back(gateway, upstream):
    up = upstream(answering(completion()))
    gw = gateway(windows(up, context_window_fallbacks=[{"m": ["big"]}]))
    assert asking(gw, 700).status_code == 200 and body_of(up.requests[-1])["model"] == "gpt-4o-5000"
    assert asking(gw, 300).status_code == 200 and body_of(up.requests[-1])["model"] == "gpt-4o-500"
    assert asking(gw, 700, disable_fallbacks=True).status_code == 400
    assert asking(gw, 7000).status_code == 400 and len(up.requests) == 2
