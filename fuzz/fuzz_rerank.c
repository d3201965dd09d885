/* Rerank: whatever a caller asks and a vendor answers, what is written from it is JSON and is read
 * again; results name documents that there are. The first byte: a request, or an answer to so many
 * documents. */
#include "dialect/rerank.h"
#include "fuzz_is_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void request(str text, struct arena *a)
{
    struct rerank_req r = { 0 }, again = { 0 };
    struct err e = { 0 };
    struct chat_target t = { .model = S("m"), .drop_params = true };
    struct buf out;
    jval *v = NULL;
    if (FAILED(jd_read(&v, text, a, &e)) || !jd_is_obj(v) || FAILED(rerank_read(&r, v, a, &e)))
        return;
    buf_init(&out, 16 << 20);
    rerank_write(&out, &r, &t, a);
    BUG_UNLESS(fuzz_is_json(buf_str(&out)));
    if (!FAILED(jd_read(&v, buf_str(&out), a, &e))) {
        BUG_UNLESS(!FAILED(rerank_read(&again, v, a, &e)));
        BUG_UNLESS(again.ndocs == r.ndocs && again.top_n == r.top_n);
    }
    buf_done(&out);
}

static void reply(size_t ndocs, str text, struct arena *a)
{
    struct rerank_doc *docs = NEW(a, struct rerank_doc, ndocs + 1);
    struct rerank_req asked = { .query = S("q"),
                                .docs = docs,
                                .ndocs = ndocs,
                                .top_n = CHAT_UNSET,
                                .max_tokens_per_doc = CHAT_UNSET,
                                .return_documents = ndocs % 2 };
    struct rerank_reply got = { 0 }, again = { 0 };
    struct err e = { 0 };
    struct dialect_ctx ctx = { .model = S("m"), .id = S("id1"), .created = 1, .arena = a };
    struct buf out;
    if (FAILED(rerank_read_reply(&got, &asked, text, a, &e)))
        return;
    for (size_t i = 0; i < got.n; i++)
        BUG_UNLESS(got.results[i].index < ndocs);
    buf_init(&out, 16 << 20);
    rerank_write_reply(&out, &got, &asked, &ctx);
    BUG_UNLESS(fuzz_is_json(buf_str(&out)));
    BUG_UNLESS(!FAILED(rerank_read_reply(&again, &asked, buf_str(&out), a, &e)));
    BUG_UNLESS(again.n == got.n);
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a;
    if (n == 0 || n > 65536)
        return 0;
    str text = { (const char *)data + 1, n - 1 };
    arena_init(&a);
    if (data[0] % 8 == 0)
        request(text, &a);
    else
        reply(data[0] % 8, text, &a);
    arena_done(&a);
    return 0;
}
