/* mock_answer.c - which script answers a request.
 */
#include "cli/mock.h"

static const char words[] = "The quick brown fox jumps over the lazy dog. ";

/* Bytes [from, to) of an endless text of plain ASCII. */
static void add_words(struct buf *out, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        buf_chr(out, words[i % (sizeof(words) - 1)]);
}

static struct mock_script one_step(struct arena *a, uint64_t pause_us, str bytes)
{
    struct mock_step *step = NEW(a, struct mock_step, 1);
    *step = (struct mock_step){ pause_us, bytes, MOCK_SEND };
    return (struct mock_script){ step, 1 };
}

static struct mock_script whole(struct arena *a, const struct mock_options *o, unsigned status,
                                str type, str body)
{
    str head = arena_fmt(a, "HTTP/1.1 %u %s\r\nContent-Type: %.*s\r\nContent-Length: %zu\r\n\r\n",
                         status, http_reason(status), STRF(type), body.n);
    return one_step(a, o->latency_ms * 1000u, arena_cat(a, head, body));
}

static struct mock_script make_chat(struct arena *a, const struct mock_options *o)
{
    struct buf b;
    buf_init(&b, SIZE_MAX);
    buf_add(&b, S("{\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion\",\"created\":1700000000,"
                  "\"model\":\"mock-model\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
                  "\"assistant\",\"content\":\""));
    add_words(&b, 0, o->reply_bytes);
    buf_add(&b, S("\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{"
                  "\"prompt_tokens\":20,\"completion_tokens\":"));
    buf_u64(&b, o->reply_bytes / 4 + 1);
    buf_add(&b, S(",\"total_tokens\":"));
    buf_u64(&b, o->reply_bytes / 4 + 21);
    buf_add(&b, S("}}"));
    struct mock_script s = whole(a, o, 200, S("application/json"), buf_str(&b));
    buf_done(&b);
    return s;
}

/* One frame as one HTTP chunk. */
static void add_chunk(struct buf *out, str frame)
{
    buf_fmt(out, "%zx\r\n", frame.n);
    buf_add(out, frame);
    buf_add(out, S("\r\n"));
}

static void stream_frame(struct buf *out, const struct mock_options *o, uint32_t i)
{
    size_t n = o->reply_bytes, k = o->chunks;
    buf_add(out,
            S("data: {\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion.chunk\",\"created\""
              ":1700000000,\"model\":\"mock-model\",\"choices\":[{\"index\":0,\"delta\":{"));
    if (i == 0)
        buf_add(out, S("\"role\":\"assistant\","));
    buf_add(out, S("\"content\":\""));
    add_words(out, n * i / k, n * (i + 1) / k);
    buf_add(out, S("\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n"));
}

static struct mock_script make_chat_stream(struct arena *a, const struct mock_options *o)
{
    struct buf all, frame;
    buf_init(&all, SIZE_MAX);
    buf_init(&frame, SIZE_MAX);
    size_t nsteps = (size_t)o->chunks + 1;
    struct mock_step *steps = NEW(a, struct mock_step, nsteps);
    buf_add(&all, S("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n"));
    uint64_t gap_us = o->chunk_rate > 0 ? (uint64_t)(1e6 / o->chunk_rate) : 0;
    for (uint32_t i = 0; i <= o->chunks; i++) {
        buf_clear(&frame);
        if (i < o->chunks)
            stream_frame(&frame, o, i);
        else
            buf_add(&frame,
                    S("data: {\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion.chunk\","
                      "\"created\":1700000000,\"model\":\"mock-model\",\"choices\":[{"
                      "\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":"
                      "\"stop\"}]}\n\n"));
        add_chunk(&all, buf_str(&frame));
        if (i == o->chunks)
            buf_add(&all, S("e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"));
        steps[i] = (struct mock_step){ i ? gap_us : o->latency_ms * 1000u,
                                       arena_dup(a, buf_str(&all)), MOCK_SEND };
        buf_clear(&all);
    }
    if (gap_us == 0) { /* one step: one write */
        for (size_t i = 0; i < nsteps; i++)
            buf_add(&all, steps[i].bytes);
        steps[0].bytes = arena_dup(a, buf_str(&all));
        nsteps = 1;
    }
    buf_done(&all);
    buf_done(&frame);
    return (struct mock_script){ steps, nsteps };
}

void mock_cache_init(struct mock_cache *c, const struct mock_options *o)
{
    arena_init(&c->arena);
    struct arena *a = &c->arena;
    c->chat = make_chat(a, o);
    c->chat_stream = make_chat_stream(a, o);
    c->models =
        whole(a, o, 200, S("application/json"),
              S("{\"object\":\"list\",\"data\":[{\"id\":\"mock-model\",\"object\":\"model\","
                "\"created\":1700000000,\"owned_by\":\"mock\"}]}"));
    c->not_found = whole(a, o, 404, S("application/json"),
                         S("{\"error\":{\"message\":\"no such path here\",\"type\":"
                           "\"invalid_request_error\",\"param\":null,\"code\":\"not_found\"}}"));
}

void mock_cache_done(struct mock_cache *c)
{
    arena_done(&c->arena);
}

static bool asks_stream(str body)
{
    return str_contains(body, S("\"stream\":true")) || str_contains(body, S("\"stream\": true"));
}

struct mock_script mock_answer(const struct mock_cache *c, const struct mock_options *o,
                               const struct mock_request *rq, struct arena *a)
{
    (void)o;
    (void)a;
    str path = str_take(rq->target, str_index(rq->target, '?'));
    if (str_ends(path, S("/chat/completions")))
        return asks_stream(buf_str(&rq->body)) ? c->chat_stream : c->chat;
    if (str_ends(path, S("/models")))
        return c->models;
    return c->not_found;
}
