/* json_bench - nanoseconds per kilobyte of scanning, reading and writing JSON. */
#include "base/clock.h"
#include "json/splice.h"
#include "json/write.h"

struct work {
    const char *name;
    struct buf text;
};

/* A chat request: n messages of about `bytes` each, made of `piece`. */
static void make_chat(struct buf *b, size_t n, size_t bytes, str piece)
{
    struct jw w;
    buf_init(b, 1 << 26);
    jw_init(&w, b);
    jw_obj(&w);
    jw_kstr(&w, S("model"), S("gpt-4o-mini"));
    jw_karr(&w, S("messages"));
    for (size_t i = 0; i < n; i++) {
        jw_obj(&w);
        jw_kstr(&w, S("role"), i % 2 ? S("assistant") : S("user"));
        jw_key(&w, S("content"));
        jw_str_begin(&w);
        for (size_t k = 0; k < bytes; k += piece.n)
            jw_str_add(&w, piece);
        jw_str_end(&w);
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    jw_kbool(&w, S("stream"), true);
    jw_kf64(&w, S("temperature"), 0.7);
    jw_obj_end(&w);
}

static void make_numbers(struct buf *b)
{
    struct jw w;
    buf_init(b, 1 << 26);
    jw_init(&w, b);
    jw_arr(&w);
    for (int i = 0; i < 5000; i++)
        jw_f64(&w, (i * 7919 % 10007 - 5000) / 12345.678);
    jw_arr_end(&w);
}

static volatile size_t sink;

static void do_scan(str text, struct buf *out)
{
    struct json_member m[] = { { .name = S("model") }, { .name = S("stream") } };
    struct err e;
    BUG_UNLESS(json_scan(text, m, 2, NULL, &e).code == OK);
    sink += m[0].value.n;
}

static void do_read(str text, struct buf *out)
{
    struct arena a;
    struct err e;
    jval *v;
    arena_init(&a);
    BUG_UNLESS(jd_read(&v, text, &a, &e).code == OK);
    sink += jd_count(v);
    arena_done(&a);
}

static void do_escape(str text, struct buf *out)
{
    buf_clear(out);
    json_quote(out, text);
    sink += out->n;
}

static void do_replace(str text, struct buf *out)
{
    struct err e;
    buf_clear(out);
    BUG_UNLESS(json_replace(out, text, S("model"), S("\"other\""), &e).code == OK);
    sink += out->n;
}

/* The best of several rounds, in nanoseconds per call. */
static double measure(void (*f)(str, struct buf *), str text)
{
    struct buf out;
    double best = 1e18;
    buf_init(&out, 1 << 27);
    size_t times = 1 + 4000000 / text.n;
    for (int round = 0; round < 7; round++) {
        uint64_t t = clock_mono_ns();
        for (size_t i = 0; i < times; i++)
            f(text, &out);
        double ns = (double)(clock_mono_ns() - t) / (double)times;
        best = ns < best ? ns : best;
    }
    buf_done(&out);
    return best;
}

int main(void)
{
    static const struct {
        const char *name;
        void (*f)(str, struct buf *);
    } jobs[] = {
        { "scan", do_scan },
        { "read", do_read },
        { "escape", do_escape },
        { "replace", do_replace },
    };
    struct work works[6] = { { "1 KB chat" },  { "100 KB prompt" }, { "100 KB code" },
                             { "100 KB CJK" }, { "90 KB numbers" }, { "300 B chunk" } };
    make_chat(&works[0].text, 4, 200, S("The quick brown fox jumps over the lazy dog. "));
    make_chat(&works[1].text, 10, 10000, S("The quick brown fox jumps over the lazy dog. "));
    make_chat(&works[2].text, 10, 10000, S("    if (x == \"y\") {\n        return f(x);\n    }\n"));
    make_chat(&works[3].text, 10, 10000,
              S("\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xb8\x96\xe7\x95\x8c\xef\xbc\x8c"));
    make_numbers(&works[4].text);
    buf_init(&works[5].text, 1000);
    buf_add(&works[5].text,
            S("{\"id\":\"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWx\",\"object\":\"chat.completion.chunk\","
              "\"created\":1700000000,\"model\":\"gpt-4o-mini-2024-07-18\",\"service_tier\":"
              "\"default\",\"system_fingerprint\":\"fp_0123456789\",\"choices\":[{\"index\":0,"
              "\"delta\":{\"content\":\" word\"},\"logprobs\":null,\"finish_reason\":null}],"
              "\"usage\":null}"));

    printf("%-15s %8s", "ns per KB", "bytes");
    for (size_t j = 0; j < COUNT_OF(jobs); j++)
        printf(" %9s", jobs[j].name);
    printf("\n");
    for (size_t i = 0; i < COUNT_OF(works); i++) {
        str text = buf_str(&works[i].text);
        printf("%-15s %8zu", works[i].name, text.n);
        for (size_t j = 0; j < COUNT_OF(jobs); j++)
            printf(" %9.0f", measure(jobs[j].f, text) * 1024 / (double)text.n);
        printf("\n");
        buf_done(&works[i].text);
    }
    return 0;
}
