#include "net/errand.h"

#include "base/arena.h"
#include "http/url.h"

enum { TIMEOUT_MS = 10 * 1000, BODY_BYTES_MAX = 1024 * 1024 };

struct errand {
    struct client_call call;
    struct client_request request;
    struct origin origin;
    struct client *client;
    struct deadline deadline;
    struct arena arena; /* holds the errand itself */
    struct buf body;
    struct errand_answer answer;
    void (*done)(void *arg, const struct errand_answer *a);
    void *arg;
};

static void dispose(struct errand *er)
{
    struct arena arena = er->arena;
    deadline_clear(&client_worker(er->client)->deadlines, &er->deadline);
    buf_done(&er->body);
    arena_done(&arena);
}

static void finish(struct errand *er)
{
    er->answer.body = buf_str(&er->body);
    er->done(er->arg, &er->answer);
    dispose(er);
}

void errand_cancel(struct errand *er)
{
    client_cancel(&er->call);
    dispose(er);
}

static void on_head(struct client_call *c, const struct http_head *head)
{
    struct errand *er = CONTAINER_OF(c, struct errand, call);
    er->answer.status = head->status;
    er->answer.content_type = arena_dup(&er->arena, http_field_get(head, S("content-type")));
}

static void on_body(struct client_call *c, str bytes)
{
    struct errand *er = CONTAINER_OF(c, struct errand, call);
    buf_add(&er->body, bytes);
    if (!er->body.full)
        return;
    client_cancel(c);
    er->answer.result =
        fail(&er->answer.err, E_LIMIT, "errand", 0, "the answer of %.*s is longer than %zu bytes",
             STRF(er->origin.host), er->body.max);
    finish(er);
}

static void on_end(struct client_call *c)
{
    finish(CONTAINER_OF(c, struct errand, call));
}

static void on_fail(struct client_call *c, enum client_fail why, const struct err *err)
{
    struct errand *er = CONTAINER_OF(c, struct errand, call);
    er->answer.err = *err;
    er->answer.result = RC(why == CLIENT_FAIL_TIMEOUT     ? E_TIMEOUT
                           : why == CLIENT_FAIL_MALFORMED ? E_SYNTAX
                                                          : E_IO);
    finish(er);
}

static const struct client_ops ops = {
    .on_head = on_head,
    .on_body = on_body,
    .on_end = on_end,
    .on_fail = on_fail,
};

static void on_deadline(struct deadline *d)
{
    struct errand *er = CONTAINER_OF(d, struct errand, deadline);
    client_cancel(&er->call);
    er->answer.result = fail(&er->answer.err, E_TIMEOUT, "errand", 0, "%.*s did not answer in time",
                             STRF(er->origin.host));
    finish(er);
}

static str write_head(struct arena *a, const struct errand_request *r, const struct url *u,
                      str method)
{
    str length = S("");
    if (r->body.n || str_eq(method, S("POST")))
        length = arena_fmt(a, "content-length: %zu\r\n", r->body.n);
    return arena_fmt(a, "%.*s %s%.*s%s%.*s HTTP/1.1\r\nhost: %.*s\r\naccept: */*\r\n%.*s%.*s\r\n",
                     STRF(method), u->path.n ? "" : "/", STRF(u->path), u->has_query ? "?" : "",
                     STRF(u->query), STRF(u->authority), STRF(length), STRF(r->fields));
}

struct errand *errand_start(struct client *cl, const struct errand_request *r,
                            void (*done)(void *arg, const struct errand_answer *a), void *arg,
                            struct err *e)
{
    struct url url;
    struct arena arena;
    str method = r->method.n ? r->method : r->body.n ? S("POST") : S("GET");
    if (!http_is_token(method)) {
        (void)fail(e, E_SYNTAX, "errand", 0, "\"%.*s\" is not a method", STRF(method));
        return NULL;
    }
    arena_init(&arena);
    if (FAILED(url_parse(arena_dup(&arena, r->url), &url, e))) {
        arena_done(&arena);
        return NULL;
    }
    struct errand *er = NEW(&arena, struct errand, 1);
    er->client = cl;
    er->done = done;
    er->arg = arg;
    buf_init(&er->body, r->body_bytes_max ? r->body_bytes_max : (size_t)BODY_BYTES_MAX);
    er->origin = (struct origin){ .host = url.host,
                                  .port = url.port,
                                  .tls = url.tls,
                                  .tls_unverified = r->tls_unverified,
                                  .tls_context = r->tls_context,
                                  .hash = origin_hash(url.host, url.port, url.tls) };
    uint32_t timeout_ms = r->timeout_ms ? r->timeout_ms : TIMEOUT_MS;
    er->request = (struct client_request){ .origin = &er->origin,
                                           .pieces = { write_head(&arena, r, &url, method),
                                                       arena_dup(&arena, r->body) },
                                           .npieces = 2,
                                           .head_method = str_eq(method, S("HEAD")),
                                           .connect_ms = timeout_ms };
    er->arena = arena;
    deadline_set(&client_worker(cl)->deadlines, &er->deadline, timeout_ms, on_deadline);
    client_start(cl, &er->call, &er->request, &ops);
    return er;
}
