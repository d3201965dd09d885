"""Many clients on one gateway at once, some of them unlucky: nothing of one answer shows in another."""
import threading

import httpx

import sdk
from sdk import DIALECTS, KEY


def body(model, text, **more):
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def test_answers_stay_apart(sdk_worlds):
    world = sdk_worlds.get()
    begin, wrong, done = threading.Barrier(10), [], threading.Event()

    def lucky(model):
        client = httpx.Client(timeout=20, headers={"authorization": "Bearer " + KEY})
        begin.wait()
        for i in range(40):
            own = f"<{model}-{i}>"
            r = client.post(world.url + "/v1/chat/completions", json=body(model, f"say={own}{own}", stream=True))
            pieces = [line for line in r.text.split("\n\n") if line]
            if r.text.count('"role"') != 1 or '"error"' in r.text or pieces[-1] != "data: [DONE]" \
                    or any(f'"model":"{model}"' not in p for p in pieces[:-1]):
                wrong.append((own, r.text))

    def unlucky(scenario):
        client = httpx.Client(timeout=20, headers={"authorization": "Bearer " + KEY})
        begin.wait()
        while not done.is_set():
            for model in DIALECTS:
                client.post(world.url + "/v1/chat/completions", json=body(model, sdk.PROMPTS[scenario], stream=True))

    def whole():
        client = httpx.Client(timeout=20, headers={"authorization": "Bearer " + KEY})
        begin.wait()
        while not done.is_set():
            for model in DIALECTS:
                client.post(world.url + "/v1/chat/completions", json=body(model, "say=a whole answer"))

    threads = [threading.Thread(target=lucky, args=(m,)) for m in DIALECTS]
    noise = [threading.Thread(target=unlucky, args=(s,)) for s in ("midstream", "cut", "bad")]
    noise.append(threading.Thread(target=whole))
    for t in threads + noise:
        t.start()
    for t in threads:
        t.join()
    done.set()
    for t in noise:
        t.join()
    assert not wrong, (len(wrong), wrong[0])
