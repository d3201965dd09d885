"""What can be asked beside chat: embeddings, ranking, pictures, speech, files, other vendors' APIs."""
import base64
import json
import re
import struct

import pytest

from conftest import answering, body_of, config_of, head_of, http_chunk, model, path_of, reply, stream_head

FLOATS = [0.5, -0.25, 1.0]


def b64(floats):
    return base64.b64encode(struct.pack(f"<{len(floats)}f", *floats)).decode()


def openai_vectors(*vectors, **more):
    return {"object": "list", "model": "upstream-model", "usage": {"prompt_tokens": 4, "total_tokens": 4},
            "data": [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)], **more}


def logged(gw, text, seconds=3):
    import time
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if any(text in line for line in gw.out_lines):
            return True
        time.sleep(0.02)
    return False


# ---- embeddings ------------------------------------------------------------------------------------

@pytest.mark.parametrize("path", ["/v1/embeddings", "/embeddings", "/openai/v1/embeddings", "/v1/v1/embeddings/"])
def test_embeddings_are_spliced(gateway, upstream, path):
    up = upstream(answering(openai_vectors(FLOATS, x_more=1.50)))
    gw = gateway(config_of(model("m", up.base, input_cost_per_token=0.001)))
    r = gw.http.post(path, content='{"input": ["a"], "model":"m", "x_deep":{"a":1.50}}')
    assert r.status_code == 200 and r.json()["model"] == "m" and r.json()["x_more"] == 1.5
    assert r.json()["data"][0]["embedding"] == FLOATS
    assert path_of(up.requests[0]) == "/v1/embeddings"
    assert up.requests[0].endswith(b'{"input": ["a"], "model":"upstream-model", "x_deep":{"a":1.50}}')
    assert float(r.headers["x-litellm-response-cost"]) == pytest.approx(0.004)
    assert logged(gw, "prompt=4")


@pytest.mark.parametrize("path", ["/engines/m/embeddings", "/v1/engines/m/embeddings",
                                  "/openai/deployments/m/embeddings?api-version=2024-02-01"])
def test_the_model_in_the_path(gateway, upstream, path):
    up = upstream(answering(openai_vectors(FLOATS)))
    gw = gateway(config_of(model("m", up.base)))
    r = gw.http.post(path, json={"input": "a"})
    assert r.status_code == 200, r.text
    assert body_of(up.requests[0]) == {"model": "upstream-model", "input": "a"}


@pytest.mark.parametrize("asked,came,want", [
    ("base64", FLOATS, b64(FLOATS)), ("float", b64(FLOATS), FLOATS), (None, b64(FLOATS), FLOATS),
    ("base64", b64(FLOATS), b64(FLOATS)), ("float", FLOATS, FLOATS)])
def test_vectors_come_as_asked(gateway, upstream, asked, came, want):
    up = upstream(answering(openai_vectors(came, came)))
    gw = gateway(config_of(model("m", up.base)))
    r = gw.http.post("/v1/embeddings", json={"model": "m", "input": ["a", "b"],
                                             **({"encoding_format": asked} if asked else {})})
    assert [d["embedding"] for d in r.json()["data"]] == [want, want]
    assert r.json()["usage"] == {"prompt_tokens": 4, "total_tokens": 4} and r.json()["model"] == "m"


UPSTREAMS = {
    "ollama/nomic": ("", "/api/embed", {"model": "nomic", "input": ["a", "b"]},
                     {"model": "nomic", "embeddings": [FLOATS, [1, 2, 3]], "prompt_eval_count": 7}),
    "cohere/embed-v4.0": ("", "/v2/embed", {"model": "embed-v4.0", "texts": ["a", "b"],
                                            "input_type": "search_document", "embedding_types": ["float"]},
                          {"id": "x", "response_type": "embeddings_by_type",
                           "embeddings": {"float": [FLOATS, [1, 2, 3]]}, "texts": ["a", "b"],
                           "meta": {"billed_units": {"input_tokens": 7}}}),
    "gemini/gemini-embedding-001": ("", "/v1beta/models/gemini-embedding-001:batchEmbedContents",
                                    {"requests": [{"model": "models/gemini-embedding-001",
                                                   "content": {"parts": [{"text": t}]}} for t in "ab"]},
                                    {"embeddings": [{"values": FLOATS}, {"values": [1, 2, 3]}]}),
    "voyage/voyage-3.5": ("/v1", "/v1/embeddings", {"model": "voyage-3.5", "input": ["a", "b"]},
                          {"object": "list", "data": [{"index": 1, "embedding": [1, 2, 3]},
                                                      {"index": 0, "embedding": FLOATS}],
                           "model": "voyage-3.5", "usage": {"total_tokens": 7}}),
    "jina_ai/jina-embeddings-v4": ("/v1", "/v1/embeddings", {"model": "jina-embeddings-v4", "input": ["a", "b"]},
                                   openai_vectors(FLOATS, [1, 2, 3], usage={"total_tokens": 7, "prompt_tokens": 7})),
    "openai/e": ("/v1", "/v1/embeddings", {"model": "e", "input": ["a", "b"]},
                 openai_vectors(FLOATS, [1, 2, 3], usage={"total_tokens": 7, "prompt_tokens": 7})),
}

CALLERS = {
    "openai": ("/v1/embeddings", {"model": "m", "input": ["a", "b"]},
               lambda j: [d["embedding"] for d in j["data"]]),
    "ollama": ("/api/embed", {"model": "m", "input": ["a", "b"]}, lambda j: j["embeddings"]),
    "gemini": ("/v1beta/models/m:batchEmbedContents",
               {"requests": [{"model": "models/m", "content": {"parts": [{"text": t}]}} for t in "ab"]},
               lambda j: [e["values"] for e in j["embeddings"]]),
    "cohere": ("/v2/embed", {"model": "m", "texts": ["a", "b"], "input_type": "search_document",
                             "embedding_types": ["float"]}, lambda j: j["embeddings"]["float"]),
}


@pytest.mark.parametrize("vendor", UPSTREAMS)
@pytest.mark.parametrize("caller", CALLERS)
def test_every_embedding_api_reaches_every_vendor(gateway, upstream, caller, vendor):
    suffix, up_path, up_body, up_reply = UPSTREAMS[vendor]
    path, body, vectors = CALLERS[caller]
    up = upstream(answering(up_reply))
    gw = gateway(config_of(model("m", f"http://127.0.0.1:{up.port}{suffix}", vendor)))
    r = gw.http.post(path, json=body)
    assert r.status_code == 200, r.text
    assert vectors(r.json()) == [FLOATS, [1, 2, 3]]
    assert path_of(up.requests[0]) == up_path
    sent = body_of(up.requests[0])
    if caller == "cohere" and "input_type" in sent:
        assert sent.pop("input_type") in ("search_document", "document")
        up_body = {k: v for k, v in up_body.items() if k != "input_type"}
    for item in sent.get("requests", []):
        item.pop("taskType", None)
    sent.pop("task", None)
    assert sent == up_body
    if not vendor.startswith("gemini"):
        assert logged(gw, "prompt=7")
    if caller == "openai":
        assert r.json()["model"] == "m" and [d["index"] for d in r.json()["data"]] == [0, 1]
    if caller == "ollama":
        assert r.json()["model"] == "m" and "prompt_eval_count" in r.json()


def test_one_vector_apis(gateway, upstream):
    up = upstream(answering(openai_vectors(FLOATS)))
    gw = gateway(config_of(model("m", up.base)))
    assert gw.http.post("/api/embeddings", json={"model": "m", "prompt": "a"}).json() == {"embedding": FLOATS}
    r = gw.http.post("/v1beta/models/m:embedContent", json={"content": {"parts": [{"text": "a"}]},
                                                            "outputDimensionality": 3})
    assert r.json() == {"embedding": {"values": FLOATS}}
    assert body_of(up.requests[1]) == {"model": "upstream-model", "input": ["a"], "dimensions": 3}


def test_purposes_are_translated(gateway, upstream):
    up = upstream(answering({"embeddings": {"float": [FLOATS]}, "meta": {}}))
    gw = gateway(config_of(model("m", f"http://127.0.0.1:{up.port}", "cohere/embed-v4.0")))
    gw.http.post("/v1beta/models/m:embedContent", json={"content": {"parts": [{"text": "a"}]},
                                                        "taskType": "RETRIEVAL_QUERY"})
    gw.http.post("/v1/embeddings", json={"model": "m", "input": "a", "input_type": "classification", "dimensions": 256})
    assert [body_of(r)["input_type"] for r in up.requests] == ["search_query", "classification"]
    assert body_of(up.requests[1])["output_dimension"] == 256


@pytest.mark.parametrize("path,shape", [("/v1/embeddings", lambda j: j["error"]["message"]),
                                        ("/api/embed", lambda j: j["error"]),
                                        ("/v2/embed", lambda j: j["message"]),
                                        ("/v1beta/models/m:embedContent", lambda j: j["error"]["message"])])
def test_embedding_errors_in_the_callers_words(gateway, upstream, path, shape):
    up = upstream(answering({"error": {"message": "no such thing", "type": "x"}}, status="404 Not Found"))
    gw = gateway(config_of(model("m", up.base), router_settings={"num_retries": 0}))
    body = {"model": "m", "input": "a", "texts": ["a"], "content": {"parts": [{"text": "a"}]}}
    r = gw.http.post(path, json=body)
    assert r.status_code == 404 and "no such thing" in shape(r.json())
    r = gw.http.post(path.replace("models/m", "models/nobody"), json={**body, "model": "nobody"})
    assert r.status_code == 400 and "nobody" in shape(r.json())


@pytest.mark.parametrize("answer", [openai_vectors(FLOATS), {"object": "list", "data": []}, "[1", {"error": {
    "message": "quota", "code": "insufficient_quota"}}])
def test_wrong_embedding_answers(gateway, upstream, answer):
    up = upstream(answering(answer))
    gw = gateway(config_of(model("m", up.base), router_settings={"num_retries": 0}))
    r = gw.http.post("/api/embed", json={"model": "m", "input": ["a", "b"]})
    assert r.status_code >= 429 and isinstance(r.json()["error"], str)


def test_what_a_vendor_cannot_embed(gateway, upstream):
    up = upstream(answering({}))
    gw = gateway(config_of(model("o", f"http://127.0.0.1:{up.port}", "ollama/x"),
                           model("a", f"http://127.0.0.1:{up.port}", "anthropic/claude-x"),
                           {"model_name": "e", "litellm_params": {"model": "sluice/echo"}}))
    for name, body, word in (("o", [1, 2], "token ids"), ("a", "x", "Anthropic"), ("e", "x", "test model")):
        r = gw.http.post("/v1/embeddings", json={"model": name, "input": body})
        assert r.status_code == 400 and word in r.json()["error"]["message"], r.text
        assert "drop_params" not in r.text
    assert up.requests == []


def test_embeddings_retry_and_fall_back(gateway, upstream):
    bad = upstream(answering({"error": {"message": "down"}}, status="503 Service Unavailable"))
    good = upstream(answering(openai_vectors(FLOATS)))
    gw = gateway(config_of(model("m", bad.base), model("n", good.base), router_settings={
        "num_retries": 0, "fallbacks": [{"m": ["n"]}]}))
    r = gw.http.post("/v1/embeddings", json={"model": "m", "input": "a"})
    assert r.status_code == 200 and r.headers["x-litellm-attempted-fallbacks"] == "1"


def test_openai_sdk_embeddings(gateway, upstream):
    openai = pytest.importorskip("openai")
    vectors = [[float(i), i / 2, -0.1] for i in range(3)]
    up = upstream(answering({"embeddings": vectors, "prompt_eval_count": 3}))
    gw = gateway(config_of(model("m", f"http://127.0.0.1:{up.port}", "ollama/x")))
    client = openai.OpenAI(base_url=gw.url + "/v1", api_key="none", max_retries=0)
    got = client.embeddings.create(model="m", input=["a", "b", "c"])
    for item, want in zip(got.data, vectors):
        assert item.embedding == pytest.approx(want, abs=1e-6)


# ---- what passes as it is ---------------------------------------------------------------------------

def test_moderations_need_no_model(gateway, upstream):
    up = upstream(answering({"id": "modr-1", "model": "omni-moderation-latest", "results": [{"flagged": False}]}))
    gw = gateway(config_of(model("omni-moderation-latest", up.base, "openai/omni-moderation-latest")))
    r = gw.http.post("/v1/moderations", json={"input": "a"})
    assert r.json()["results"] == [{"flagged": False}]
    assert body_of(up.requests[0]) == {"model": "omni-moderation-latest", "input": "a"}


def test_images(gateway, upstream):
    up = upstream(answering({"created": 1, "data": [{"b64_json": "AAAA"}],
                             "usage": {"input_tokens": 5, "output_tokens": 100, "total_tokens": 105}}))
    gw = gateway(config_of(model("i", up.base)))
    r = gw.http.post("/v1/images/generations", json={"model": "i", "prompt": "p", "n": 1, "size": "512x512"})
    assert r.json()["data"] == [{"b64_json": "AAAA"}]
    assert path_of(up.requests[0]) == "/v1/images/generations"
    assert logged(gw, "prompt=5") and logged(gw, "completion=100")


def test_speech_is_streamed_through(gateway, upstream):
    import threading
    go_on = threading.Event()

    def handle(conn, request):
        conn.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ntransfer-encoding: chunked\r\n\r\n4\r\n\0\1\2\3\r\n")
        go_on.wait(5)
        conn.sendall(b"2\r\n\xff\xfe\r\n0\r\n\r\n")
    up = upstream(handle)
    gw = gateway(config_of(model("s", up.base)))
    with gw.http.stream("POST", "/v1/audio/speech", json={"model": "s", "input": "T", "voice": "V"}) as r:
        assert r.headers["content-type"] == "audio/mpeg"
        pieces = r.iter_raw()
        assert next(pieces) == b"\0\1\2\3"
        go_on.set()
        assert b"".join(pieces) == b"\xff\xfe"


def test_speech_that_breaks_off_is_broken_off(gateway, upstream):
    import httpx

    def handle(conn, request):
        conn.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ntransfer-encoding: chunked\r\n\r\n4\r\n\0\1\2\3\r\n")
        return "close"
    up = upstream(handle)
    gw = gateway(config_of(model("s", up.base), router_settings={"num_retries": 0}))
    with pytest.raises(httpx.RemoteProtocolError):
        gw.http.post("/v1/audio/speech", json={"model": "s", "input": "T", "voice": "V"})


def test_speech_errors(gateway, upstream):
    up = upstream(answering({"error": {"message": "bad voice"}}, status="400 Bad Request"))
    gw = gateway(config_of(model("s", up.base), model("c", up.base, "cohere/x")))
    r = gw.http.post("/v1/audio/speech", json={"model": "s", "input": "T", "voice": "V"})
    assert r.status_code == 400 and "bad voice" in r.json()["error"]["message"]
    r = gw.http.post("/v1/audio/speech", json={"model": "c", "input": "T", "voice": "V"})
    assert r.status_code == 400 and "Cohere" in r.json()["error"]["message"]


SOUND = bytes(range(256)) * 500


def form_parts(request):
    head, _, body = request.partition(b"\r\n\r\n")
    boundary = re.search(rb"(?i)boundary=\"?([^\"\r\n;]+)", head).group(1)
    return [p[2:-2] for p in body.split(b"--" + boundary)[1:-1]]


@pytest.mark.parametrize("order", ["model first", "file first"])
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("path", ["/v1/audio/transcriptions", "/audio/translations", "/v1/images/edits"])
def test_forms(gateway, upstream, order, chunked, path):
    up = upstream(answering({"text": "hello", "usage": {"type": "tokens", "input_tokens": 3, "output_tokens": 2,
                                                        "total_tokens": 5}}))
    gw = gateway(config_of(model("whisper", up.base)))
    parts = [b'Content-Disposition: form-data; name="model"\r\n\r\nwhisper',
             b'Content-Disposition: form-data; name="file"; filename="a.webm"\r\n'
             b'Content-Type: application/octet-stream\r\n\r\n' + SOUND]
    if order == "file first":
        parts.reverse()
    body = b"".join(b"--XyZ\r\n" + p + b"\r\n" for p in parts) + b"--XyZ--\r\n"

    def pieces():
        for i in range(0, len(body), 10000):
            yield body[i:i + 10000]
    r = gw.http.post(path, content=pieces() if chunked else body,
                     headers={"content-type": "multipart/form-data; boundary=XyZ"})
    assert r.status_code == 200 and r.json()["text"] == "hello", r.text
    sent = up.requests[0]
    assert "content-type: multipart/form-data; boundary=XyZ" in head_of(sent)
    assert sent.partition(b"\r\n\r\n")[2] == body.replace(b"\r\n\r\nwhisper\r\n", b"\r\n\r\nupstream-model\r\n")
    assert path_of(sent) == "/v1" + path.removeprefix("/v1")
    assert logged(gw, "prompt=3")


def test_form_answers_that_are_no_json(gateway, upstream):
    up = upstream(answering("1\n00:00 hello\n", content_type="text/plain; charset=utf-8"))
    gw = gateway(config_of(model("w", up.base)))
    r = gw.http.post("/v1/audio/transcriptions", data={"model": "w", "response_format": "srt"},
                     files={"file": ("a.wav", SOUND)})
    assert r.text == "1\n00:00 hello\n" and r.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("content,headers,word", [
    (b"--X\r\nnonsense", {"content-type": "multipart/form-data; boundary=X"}, "form"),
    (b'{"model":"w"}', {"content-type": "application/json"}, "form"),
    (b'--X\r\nContent-Disposition: form-data; name="file"\r\n\r\na\r\n--X--\r\n',
     {"content-type": "multipart/form-data; boundary=X"}, "model"),
])
def test_broken_forms(gateway, upstream, content, headers, word):
    up = upstream(answering({}))
    gw = gateway(config_of(model("w", up.base)))
    r = gw.http.post("/v1/audio/transcriptions", content=content, headers=headers)
    assert r.status_code == 400 and word in r.json()["error"]["message"].lower()
    assert up.requests == []


def test_openai_sdk_audio_and_images(gateway, upstream):
    openai = pytest.importorskip("openai")

    def handle(conn, request):
        path = path_of(request)
        if path.endswith("/speech"):
            conn.sendall(reply(SOUND, content_type="audio/wav"))
        elif "/audio/" in path:
            assert SOUND in request and b"upstream-model" in request
            conn.sendall(reply({"text": "hello"}))
        else:
            conn.sendall(reply({"created": 1, "data": [{"b64_json": "AAAA"}]}))
    up = upstream(handle)
    gw = gateway(config_of(model("m", up.base)))
    client = openai.OpenAI(base_url=gw.url + "/v1", api_key="none", max_retries=0)
    assert client.audio.speech.create(model="m", input="T", voice="alloy").read() == SOUND
    assert client.audio.transcriptions.create(model="m", file=("a.wav", SOUND)).text == "hello"
    assert client.audio.translations.create(model="m", file=("a.wav", SOUND)).text == "hello"
    assert client.images.generate(model="m", prompt="p").data[0].b64_json == "AAAA"
    assert client.images.edit(model="m", prompt="p", image=("a.png", SOUND)).data[0].b64_json == "AAAA"


# ---- completions -------------------------------------------------------------------------------------

def text_chunk(text, finish=None, **more):
    return "data: " + json.dumps({"id": "cmpl-1", "object": "text_completion", "created": 1700000000,
                                  "model": "upstream-model", **more,
                                  "choices": [] if text is None else [
                                      {"text": text, "index": 0, "logprobs": None, "finish_reason": finish}]}) + "\n\n"


def sse(*frames):
    def handle(conn, request):
        conn.sendall(stream_head())
        for f in frames:
            conn.sendall(http_chunk(f))
        conn.sendall(b"0\r\n\r\n")
    return handle


USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
TEXT = {"id": "cmpl-1", "object": "text_completion", "created": 1700000000, "model": "upstream-model",
        "choices": [{"text": "Hello", "index": 0, "logprobs": {"tokens": ["Hello"]}, "finish_reason": "stop"}],
        "usage": USAGE}


@pytest.mark.parametrize("path", ["/v1/completions", "/completions", "/openai/deployments/m/completions"])
@pytest.mark.parametrize("vendor", ["hosted_vllm/upstream-model", "openai/upstream-model", "together_ai/upstream-model"])
def test_completions_are_spliced(gateway, upstream, path, vendor):
    up = upstream(answering(TEXT))
    gw = gateway(config_of(model("m", up.base, vendor)))
    r = gw.http.post(path, content='{"prompt": ["a","b"], "model":"m", "suffix":"z", "echo":true}')
    assert r.status_code == 200, r.text
    assert r.json() == {**TEXT, "model": "m"}
    assert path_of(up.requests[0]) == "/v1/completions"
    assert up.requests[0].endswith(b'{"prompt": ["a","b"], "model":"upstream-model", "suffix":"z", "echo":true}')
    assert logged(gw, "prompt=3")


@pytest.mark.parametrize("usage", [False, True])
def test_streamed_completions(gateway, upstream, usage):
    up = upstream(sse(text_chunk("Hel"), text_chunk("lo"), text_chunk("", "stop"), text_chunk(None, usage=USAGE),
                      "data: [DONE]\n\n"))
    gw = gateway(config_of(model("m", up.base)))
    more = {"stream_options": {"include_usage": True}} if usage else {}
    data = gw.stream(path="/v1/completions", prompt="a", **more)
    chunks = [json.loads(d) for d in data[:-1]]
    assert data[-1] == "[DONE]" and all(c["model"] == "m" for c in chunks)
    assert "".join(c["choices"][0]["text"] for c in chunks if c["choices"]) == "Hello"
    assert [c["usage"] for c in chunks if c.get("usage")] == ([USAGE] if usage else [])
    assert body_of(up.requests[0])["stream_options"] == {"include_usage": True}
    assert logged(gw, "prompt=3")


CLAUDE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x",
          "content": [{"type": "text", "text": "Hello"}], "stop_reason": "max_tokens", "stop_sequence": None,
          "usage": {"input_tokens": 3, "output_tokens": 2}}


@pytest.mark.parametrize("stream", [False, True])
def test_completions_of_models_that_chat(gateway, upstream, stream):
    events = [("message_start", {"message": {**CLAUDE, "content": [], "stop_reason": None}}),
              ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
              ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "Hel"}}),
              ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "lo"}}),
              ("content_block_stop", {"index": 0}),
              ("message_delta", {"delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": 2}}),
              ("message_stop", {})]
    frames = [f"event: {k}\ndata: {json.dumps({'type': k, **v})}\n\n" for k, v in events]
    up = upstream(sse(*frames) if stream else answering(CLAUDE))
    gw = gateway(config_of(model("m", f"http://127.0.0.1:{up.port}", "anthropic/claude-x")))
    body = {"model": "m", "prompt": "Say hello", "max_tokens": 5, "temperature": 0.5, "logprobs": 3}
    if stream:
        data = gw.stream(path="/v1/completions", stream_options={"include_usage": True}, **{**body, "text": ""})
        chunks = [json.loads(d) for d in data[:-1]]
        assert data[-1] == "[DONE]" and all(c["object"] == "text_completion" and c["model"] == "m" for c in chunks)
        assert "".join(c["choices"][0]["text"] for c in chunks if c["choices"]) == "Hello"
        assert [c["choices"][0]["finish_reason"] for c in chunks if c["choices"]][-1] == "length"
        assert [c["usage"]["total_tokens"] for c in chunks if c.get("usage")] == [5]
    else:
        r = gw.http.post("/v1/completions", json=body)
        assert r.status_code == 200, r.text
        choice = r.json()["choices"][0]
        assert (choice["text"], choice["finish_reason"], r.json()["object"]) == ("Hello", "length", "text_completion")
        assert r.json()["usage"]["total_tokens"] == 5
    sent = body_of(up.requests[0])
    assert path_of(up.requests[0]) == "/v1/messages" and sent["max_tokens"] == 5
    assert "Say hello" in json.dumps(sent["messages"])


def test_completions_of_echo_and_their_errors(gateway, upstream):
    gw = gateway(config_of({"model_name": "e", "litellm_params": {"model": "sluice/echo"}}))
    r = gw.http.post("/v1/completions", json={"model": "e", "prompt": ["hi"]})
    assert r.json()["choices"][0]["text"].endswith("You said: hi")
    data = gw.stream("e", path="/v1/completions", prompt="hi")
    assert data[-1] == "[DONE]"
    for prompt, word in ((["a", "b"], "several"), ([1, 2], "token ids"), (None, "prompt")):
        r = gw.http.post("/v1/completions", json={"model": "e", "prompt": prompt})
        assert r.status_code == 400 and word in r.json()["error"]["message"], r.text


# ---- rerank ------------------------------------------------------------------------------------------

RANKERS = {
    "cohere/rerank-v3.5": ("", "/v2/rerank", "top_n", {"id": "r1", "results": [
        {"index": 2, "relevance_score": 0.90}, {"index": 0, "relevance_score": 0.1}],
        "meta": {"billed_units": {"search_units": 1}}}),
    "jina_ai/jina-reranker-v2": ("/v1", "/v1/rerank", "top_n", {"model": "j", "results": [
        {"index": 2, "relevance_score": 0.90, "document": {"text": "c"}}, {"index": 0, "relevance_score": 0.1}],
        "usage": {"total_tokens": 9}}),
    "voyage/rerank-2.5": ("/v1", "/v1/rerank", "top_k", {"object": "list", "data": [
        {"index": 0, "relevance_score": 0.1}, {"index": 2, "relevance_score": 0.90}], "usage": {"total_tokens": 9}}),
    "hosted_vllm/bge": ("/v1", "/v1/rerank", "top_n", {"id": "r1", "model": "bge", "results": [
        {"index": 2, "document": {"text": "c"}, "relevance_score": 0.90}, {"index": 0, "relevance_score": 0.1}],
        "usage": {"total_tokens": 9}}),
    "together_ai/ranker": ("/v1", "/v1/rerank", "top_n", {"results": [
        {"index": 2, "relevance_score": 0.90}, {"index": 0, "relevance_score": 0.1}], "usage": {"prompt_tokens": 9}}),
}


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank", "/rerank", "/cohere/v2/rerank"])
@pytest.mark.parametrize("vendor", RANKERS)
def test_rerank(gateway, upstream, path, vendor):
    suffix, up_path, top, answer = RANKERS[vendor]
    up = upstream(answering(answer))
    gw = gateway(config_of(model("m", f"http://127.0.0.1:{up.port}{suffix}", vendor)))
    r = gw.http.post(path, json={"model": "m", "query": "q", "documents": ["a", "b", {"text": "c", "n": 1}],
                                 "top_n": 2, "return_documents": True})
    assert r.status_code == 200, r.text
    assert r.json()["results"] == [{"index": 2, "relevance_score": 0.9, "document": {"text": "c", "n": 1}},
                                   {"index": 0, "relevance_score": 0.1, "document": {"text": "a"}}]
    assert r.json()["meta"]["billed_units"]
    sent = body_of(up.requests[0])
    assert path_of(up.requests[0]) == up_path
    assert sent.pop("return_documents", False) is False
    assert sent == {"model": vendor.split("/")[1], "query": "q", "documents": ["a", "b", "c"], top: 2}


@pytest.mark.parametrize("answer", [{"results": [{"index": 5, "relevance_score": 1}]}, {"x": 1}, "[", {
    "results": [{"index": 0}]}])
def test_wrong_rerank_answers(gateway, upstream, answer):
    up = upstream(answering(answer))
    gw = gateway(config_of(model("m", up.base), router_settings={"num_retries": 0}))
    r = gw.http.post("/v2/rerank", json={"model": "m", "query": "q", "documents": ["a"]})
    assert r.status_code == 502 and r.json()["message"]


def test_wrong_rerank_requests(gateway, upstream):
    up = upstream(answering({}))
    gw = gateway(config_of(model("m", up.base), model("a", up.base, "anthropic/x")))
    for body, word in (({"documents": ["a"]}, "query"), ({"query": "q"}, "documents"),
                       ({"query": "q", "documents": [1]}, "documents[0]"),
                       ({"query": "q", "documents": ["a"], "model": "a"}, "Anthropic")):
        r = gw.http.post("/v1/rerank", json={"model": "m", **body})
        assert r.status_code == 400 and word in r.json()["error"]["message"], r.text
    assert up.requests == []


# ---- passing on --------------------------------------------------------------------------------------

def raw_path(gw, path, method="GET"):
    from conftest import raw_exchange
    return raw_exchange(gw.port, f"{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())


VENDORS = {  # prefix: (model, suffix of api_base, field with the key)
    "anthropic": ("anthropic/x", "", "x-api-key: sk-upstream"),
    "openai": ("openai/x", "/v1", "authorization: bearer sk-upstream"),
    "gemini": ("gemini/x", "", "x-goog-api-key: sk-upstream"),
    "cohere": ("cohere/x", "", "authorization: bearer sk-upstream"),
    "mistral": ("mistral/x", "/v1", "authorization: bearer sk-upstream"),
    "vllm": ("hosted_vllm/x", "/v1", "authorization: bearer sk-upstream"),
}


@pytest.mark.parametrize("prefix", VENDORS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
def test_vendor_pass_through(gateway, upstream, prefix, method):
    name, suffix, key = VENDORS[prefix]
    up = upstream(answering({"ok": [1.50]}, status="201 Created", fields="x-secret: 1\r\nretry-after: 7\r\n"))
    gw = gateway(config_of(model("m", f"http://127.0.0.1:{up.port}{suffix}", name),
                           general_settings={"master_key": "sk-gateway"}))
    body = b'{"model" : "anything"}' if method in ("POST", "PUT", "PATCH") else b""
    r = gw.http.request(method, f"/{prefix}/v1/something/else:do?alt=sse&key=sk-gateway&%6bey=sk-gateway&x=%20y", content=body,
                        headers={"authorization": "Bearer sk-gateway", "x-api-key": "sk-gateway", "cookie": "c=1",
                                 "content-type": "application/json", "anthropic-beta": "b1", "x-pass-foo": "bar"})
    assert r.status_code == 201 and r.text == '{"ok": [1.5]}'
    assert "x-secret" not in r.headers and r.headers["retry-after"] == "7"
    head, _, sent = up.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(f"{method} /v1/something/else:do?alt=sse&x=%20y HTTP/1.1\r\n".encode())
    assert sent == body
    low = head.decode().lower()
    assert key in low and "sk-gateway" not in low and "cookie" not in low
    assert "anthropic-beta: b1" in low and "\r\nfoo: bar" in low
    if prefix == "anthropic":
        assert "anthropic-version: 2023-06-01" in low


def test_pass_through_errors_and_streams_pass(gateway, upstream):
    answers = [reply({"type": "error", "error": {"message": "m"}}, status="429 Too Many Requests"),
               stream_head() + http_chunk("event: a\ndata: 1\n\n") + http_chunk("data: 2\n\n") + b"0\r\n\r\n",
               b"HTTP/1.1 204 No Content\r\n\r\n",
               b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\ncontent-type: text/x\r\n\r\n"]
    up = upstream(lambda conn, request: conn.sendall(answers[len(up.requests) - 1]) and None)
    gw = gateway(config_of(model("m", f"http://127.0.0.1:{up.port}", "anthropic/x")))
    r = gw.http.get("/anthropic/v1/x")
    assert r.status_code == 429 and r.json() == {"type": "error", "error": {"message": "m"}}
    r = gw.http.post("/anthropic/v1/x", json={})
    assert r.text == "event: a\ndata: 1\n\ndata: 2\n\n" and r.headers["content-type"] == "text/event-stream"
    r = gw.http.delete("/anthropic/v1/x")
    assert r.status_code == 204 and r.content == b"" and "transfer-encoding" not in r.headers
    r = gw.http.head("/anthropic/v1/x")
    assert r.status_code == 200 and r.headers["content-type"] == "text/x"
    assert gw.http.get("/health/liveliness").status_code == 200
    assert len(up.requests) == 4


@pytest.mark.parametrize("path", ["/anthropic/v1/../x", "/anthropic/v1/%2e%2e/x", "/anthropic/%2E/x",
                                  "/anthropic/v1/a%2Fb", "/anthropic/v1/a%2f..%2fb", "/anthropic/a%5Cb",
                                  "/anthropic/a%00b", "/anthropic/a%0d%0ax:y"])
def test_paths_that_are_not_passed_on(gateway, upstream, path):
    up = upstream(answering({}))
    gw = gateway(config_of(model("m", f"http://127.0.0.1:{up.port}", "anthropic/x")))
    got = raw_path(gw, path)
    assert re.match(rb"HTTP/1.1 40[04] ", got), got
    assert up.requests == []


def test_pass_through_stays_on_its_host(gateway, upstream):
    up = upstream(answering({}))
    gw = gateway(config_of(model("m", f"http://127.0.0.1:{up.port}", "anthropic/x")))
    for path in ("/anthropic//evil.example/x", "/anthropic/http://evil.example/", "/anthropic/@evil.example/x"):
        raw_path(gw, path)
    assert [head_of(r).split("\r\n")[1] for r in up.requests] == [f"host: 127.0.0.1:{up.port}"] * len(up.requests)
    assert path_of(up.requests[0]) == "/evil.example/x"


def test_pass_through_needs_a_key_and_a_vendor(gateway, upstream):
    up = upstream(answering({}))
    gw = gateway(config_of(model("m", up.base, "openai/x"), general_settings={"master_key": "sk-gateway"}))
    assert gw.http.get("/openai/v1/assistants").status_code == 401
    assert gw.http.get("/mistral/v1/x", headers={"authorization": "Bearer sk-gateway"}).status_code == 404
    assert up.requests == []


def test_our_own_endpoints_win_over_passing_on(gateway, upstream):
    up = upstream(answering(openai_vectors(FLOATS)))
    gw = gateway(config_of(model("m", up.base, "openai/upstream-model")))
    assert gw.http.get("/openai/v1/models").json()["data"][0]["id"] == "m"
    assert gw.http.post("/openai/v1/embeddings", json={"model": "m", "input": "a"}).json()["model"] == "m"
    assert body_of(up.requests[0])["model"] == "upstream-model"


def test_the_key_of_the_environment_comes_first(gateway, upstream):
    local, vendor = upstream(answering({"who": "local"})), upstream(answering({"who": "vendor"}))
    gw = gateway(config_of(model("m", local.base, "openai/x")),
                 env={"OPENAI_API_KEY": "sk-env", "OPENAI_API_BASE": vendor.base})
    assert gw.http.get("/v1/files").json() == {"who": "vendor"}
    assert "bearer sk-env" in head_of(vendor.requests[0]).lower() and local.requests == []


@pytest.mark.parametrize("path,want", [
    ("/v1/files", "/v1/files"), ("/files?purpose=batch", "/v1/files?purpose=batch"),
    ("/openai/v1/files/file-1/content", "/v1/files/file-1/content"), ("/v1/batches/b/cancel", "/v1/batches/b/cancel"),
    ("/v1/files?custom_llm_provider=mistral&limit=2", "/v1/files?limit=2")])
def test_files_and_batches(gateway, upstream, path, want):
    up, other = upstream(answering({"who": "openai"})), upstream(answering({"who": "mistral"}))
    gw = gateway(config_of(model("m", up.base, "openai/x"), model("n", other.base, "mistral/x")))
    r = gw.http.post(path, content=b"--X\r\n...", headers={"content-type": "multipart/form-data; boundary=X"})
    wanted = other if "mistral" in path else up
    assert r.json()["who"] == ("mistral" if "mistral" in path else "openai")
    assert path_of(wanted.requests[0]) == want and wanted.requests[0].endswith(b"--X\r\n...")
    assert "content-type: multipart/form-data; boundary=X" in head_of(wanted.requests[0])


def test_files_without_a_vendor(gateway):
    gw = gateway(config_of({"model_name": "e", "litellm_params": {"model": "sluice/echo"}}))
    r = gw.http.get("/v1/files")
    assert r.status_code == 404 and "openai" in r.json()["error"]["message"]


def test_anthropic_batches(gateway, upstream):
    up = upstream(answering({"id": "msgbatch_1"}))
    gw = gateway(config_of(model("m", f"http://127.0.0.1:{up.port}", "anthropic/x")))
    assert gw.http.post("/v1/messages/batches", json={"requests": []}).json() == {"id": "msgbatch_1"}
    assert gw.http.get("/anthropic/v1/messages/batches/b1/results").json() == {"id": "msgbatch_1"}
    assert [path_of(r) for r in up.requests] == ["/v1/messages/batches", "/v1/messages/batches/b1/results"]


def test_own_pass_through_endpoints(gateway, upstream):
    up = upstream(answering({"ok": True}))
    gw = gateway(config_of(general_settings={"master_key": "sk-gateway", "pass_through_endpoints": [
        {"path": "/rank", "target": f"http://127.0.0.1:{up.port}/deep/rank", "auth": False,
         "headers": {"Authorization": "Bearer os.environ/RANK_KEY", "x-own": "1"}},
        {"path": "/all", "target": f"http://127.0.0.1:{up.port}", "include_subpath": True, "forward_headers": True},
    ]}), env={"RANK_KEY": "sk-rank", "OPENAI_API_KEY": "sk-openai"})
    assert gw.http.post("/rank", json={"a": 1}).json() == {"ok": True}
    assert gw.http.post("/rank/x", json={}).status_code == 404
    assert gw.http.get("/all/a/b?q=1").status_code == 401
    r = gw.http.get("/all/a/b?q=1", headers={"authorization": "Bearer sk-gateway", "x-mine": "2"})
    assert r.status_code == 200
    assert path_of(up.requests[0]) == "/deep/rank" and "x-own: 1" in head_of(up.requests[0])
    assert path_of(up.requests[1]) == "/a/b?q=1" and "x-mine: 2" in head_of(up.requests[1])
    assert "authorization: bearer sk-rank" in head_of(up.requests[0]).lower()
    assert "sk-gateway" not in head_of(up.requests[1]) and "sk-openai" not in head_of(up.requests[1])


# ---- counting tokens ---------------------------------------------------------------------------------

SAID = {"messages": [{"role": "user", "content": "How many words are in this sentence, roughly speaking?"}]}


def test_claude_counts_itself(gateway, upstream):
    up = upstream(answering({"input_tokens": 2095}))
    gw = gateway(config_of(model("m", f"http://127.0.0.1:{up.port}", "anthropic/claude-x")))
    for path in ("/v1/messages/count_tokens", "/anthropic/v1/messages/count_tokens?beta=true"):
        r = gw.http.post(path, json={"model": "m", **SAID}, headers={"anthropic-beta": "b1"})
        assert r.json() == {"input_tokens": 2095} and "x-sluice-token-count" not in r.headers
        head = head_of(up.requests[-1]).lower()
        assert path_of(up.requests[-1]) == "/v1/messages/count_tokens"
        assert "anthropic-version: " in head and "anthropic-beta: b1" in head
        assert body_of(up.requests[-1]) == {"model": "claude-x", **SAID}


def test_gemini_counts_itself(gateway, upstream):
    up = upstream(answering({"totalTokens": 31}))
    gw = gateway(config_of(model("m", f"http://127.0.0.1:{up.port}", "gemini/gemini-x")))
    r = gw.http.post("/v1beta/models/m:countTokens", json={"contents": [{"parts": [{"text": "hi"}]}]})
    assert r.json() == {"totalTokens": 31}
    assert path_of(up.requests[0]) == "/v1beta/models/gemini-x:countTokens"


def test_counts_elsewhere_are_estimates_that_say_so(gateway, upstream):
    up = upstream(answering({}))
    gw = gateway(config_of(model("m", up.base), {"model_name": "e", "litellm_params": {"model": "sluice/echo"}}))
    for name in "me":
        r = gw.http.post("/v1/messages/count_tokens", json={"model": name, **SAID})
        assert r.status_code == 200 and 12 <= r.json()["input_tokens"] <= 24, r.text
        assert r.headers["x-sluice-token-count"] == "estimate"
        long = gw.http.post("/v1/messages/count_tokens", json={
            "model": name, "system": "word " * 1000, "tools": [{"name": "f", "input_schema": {"type": "object"}}], **SAID})
        assert 1000 < long.json()["input_tokens"] < 1100
        contents = [{"role": "user", "parts": [{"text": SAID["messages"][0]["content"]}]}]
        for body in ({"contents": contents}, {"generateContentRequest": {"model": "models/m", "contents": contents}}):
            r = gw.http.post(f"/v1beta/models/{name}:countTokens", json=body)
            assert 12 <= r.json()["totalTokens"] <= 24, r.text
    assert up.requests == []
    r = gw.http.post("/v1/messages/count_tokens", json={"model": "m", "messages": 5})
    assert r.status_code == 400 and r.json()["type"] == "error"
    r = gw.http.post("/v1/messages/count_tokens", json={"model": "nobody", **SAID})
    assert r.status_code == 400 and "nobody" in r.json()["error"]["message"]


def test_token_counter(gateway):
    gw = gateway(config_of({"model_name": "e", "litellm_params": {"model": "sluice/echo"}}))
    for body in ({"prompt": "one two three four"}, SAID, {"contents": [{"parts": [{"text": "one two three"}]}]},
                 {"system": "one two three", **SAID}):
        j = gw.http.post("/utils/token_counter", json={"model": "e", **body}).json()
        assert 4 <= j["total_tokens"] <= 30 and j["count_source"] == "local_estimate" and j["request_model"] == "e"
    assert gw.http.post("/utils/token_counter", json={"model": "e"}).status_code == 400


# ---- websockets --------------------------------------------------------------------------------------

@pytest.mark.parametrize("path", ["/v1/responses", "/responses", "/v1/realtime?model=m", "/anthropic/v1/x"])
def test_websockets_are_sent_to_plain_http(gateway, path):
    from conftest import raw_exchange
    gw = gateway(config_of({"model_name": "e", "litellm_params": {"model": "sluice/echo"}}))
    got = raw_exchange(gw.port, f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
                                "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 426 ") and b"connection: close" in head.lower()
    assert "websocket" in json.loads(body)["error"]["message"]


def test_a_caller_who_leaves_ends_the_upstreams_work(gateway, upstream):
    import socket
    import time

    def handle(conn, request):
        conn.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ntransfer-encoding: chunked\r\n\r\n4\r\n\0\1\2\3\r\n")
    up = upstream(handle)
    gw = gateway(config_of(model("s", up.base)))
    body = b'{"model":"s","input":"T","voice":"V"}'
    with socket.create_connection(("127.0.0.1", gw.port)) as s:
        s.sendall(b"POST /v1/audio/speech HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        assert s.recv(65536).startswith(b"HTTP/1.1 200")
    end = time.monotonic() + 3
    while not up.closed and time.monotonic() < end:
        time.sleep(0.02)
    assert up.closed


def test_a_slow_listener_slows_the_upstream(gateway, upstream):
    import socket
    import time
    sent = [0]

    def handle(conn, request):
        conn.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: audio/wav\r\ncontent-length: 50000000\r\n\r\n")
        for _ in range(500):
            conn.sendall(bytes(100000))
            sent[0] += 100000
    up = upstream(handle)
    gw = gateway(config_of(model("s", up.base)))
    body = b'{"model":"s","input":"T","voice":"V"}'
    with socket.create_connection(("127.0.0.1", gw.port)) as s:
        s.sendall(b"POST /v1/audio/speech HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
                  % len(body) + body)
        time.sleep(1)
        assert sent[0] < 25000000
        got = 0
        while piece := s.recv(1 << 20):
            got += len(piece)
        assert got > 50000000
