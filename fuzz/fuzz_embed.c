/* Embeddings: whatever a caller asks and a vendor answers, what is written from it is JSON, and the
 * same API reads it again. The first byte says whose request or answer the rest is. */
#include "dialect/embed.h"
#include "fuzz_is_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const enum dialect_id ids[] = { DIALECT_OPENAI_CHAT, DIALECT_COHERE, DIALECT_GEMINI,
                                       DIALECT_OLLAMA };

static void write_everywhere(const struct embed_req *r, struct arena *a)
{
    struct chat_target t = { .model = S("m"), .drop_params = true };
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        const struct embed_api *to = embed_api_get(ids[i]);
        struct chat_loss loss = { .arena = a };
        struct embed_req again = { 0 };
        struct err e = { 0 };
        struct buf out;
        jval *v = NULL;
        buf_init(&out, 16 << 20);
        if (!FAILED(to->write(&out, r, &t, &loss, a, &e)) && !out.full) {
            BUG_UNLESS(fuzz_is_json(buf_str(&out)));
            if (!FAILED(jd_read(&v, buf_str(&out), a, &e)))
                BUG_UNLESS(!FAILED(to->read(&again, v, a, &e)));
            BUG_UNLESS(to->path(r, &t, false, a).n > 0);
        }
        buf_done(&out);
    }
}

static void request(const struct embed_api *api, str text, struct arena *a)
{
    struct embed_req r = { 0 };
    struct err e = { 0 };
    jval *v = NULL;
    if (FAILED(jd_read(&v, text, a, &e)) || !jd_is_obj(v) || FAILED(api->read(&r, v, a, &e)))
        return;
    BUG_UNLESS(r.ninputs > 0);
    write_everywhere(&r, a);
}

static void reply(const struct embed_api *api, str text, struct arena *a)
{
    struct embed_reply got = { 0 };
    struct err e = { 0 };
    if (FAILED(api->read_reply(&got, text, a, &e)))
        return;
    for (size_t i = 0; i < 2 * COUNT_OF(ids); i++) {
        const struct embed_api *to = embed_api_get(ids[i / 2]);
        struct embed_req asked = { .ninputs = got.n, .base64 = i % 2, .types = true };
        struct dialect_ctx ctx = { .model = S("m"), .id = S("id1"), .created = 1, .arena = a };
        struct buf out;
        asked.inputs = NEW(a, struct embed_input, got.n + 1);
        for (size_t k = 0; k < got.n; k++)
            asked.inputs[k].text = S("x");
        buf_init(&out, 64 << 20);
        if (!FAILED(to->write_reply(&out, &got, &asked, &ctx, &e)) && !out.full) {
            BUG_UNLESS(fuzz_is_json(buf_str(&out)));
            struct embed_reply again = { 0 };
            if (got.n && !FAILED(to->read_reply(&again, buf_str(&out), a, &e)))
                BUG_UNLESS(again.n == got.n);
        }
        buf_done(&out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a;
    if (n == 0 || n > 65536)
        return 0;
    const struct embed_api *api = embed_api_get(ids[data[0] / 2 % COUNT_OF(ids)]);
    arena_init(&a);
    (data[0] % 2 ? reply : request)(api, (str){ (const char *)data + 1, n - 1 }, &a);
    arena_done(&a);
    return 0;
}
