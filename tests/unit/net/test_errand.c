/* Errands against a scripted server. */
#include "peer.h"

#include "net/errand.h"

static struct worker w;
static struct client *cl;
static struct peer peer;

struct outcome {
    unsigned done;
    rc result;
    unsigned status;
    char body[256], type[64], why[256];
};

static void on_done(void *arg, const struct errand_answer *a)
{
    struct outcome *o = arg;
    o->done++;
    o->result = a->result;
    o->status = a->status;
    snprintf(o->body, sizeof(o->body), "%.*s", STRF(a->body));
    snprintf(o->type, sizeof(o->type), "%.*s", STRF(a->content_type));
    snprintf(o->why, sizeof(o->why), "%s", a->err.text);
}

/* Answers with the request itself. */
static void echo(struct peer_conn *pc)
{
    str all = buf_str(&pc->got);
    if (!str_contains(all, S("\r\n\r\n")))
        return;
    char head[128];
    snprintf(head, sizeof(head),
             "HTTP/1.1 203 Fine\r\nContent-Type: text/x\r\nContent-Length: %zu\r\n\r\n", all.n);
    str pieces[] = { str_c(head), all };
    conn_write(&pc->conn, pieces, 2);
    buf_clear(&pc->got);
}

static void never_answer(struct peer_conn *pc)
{
    (void)pc;
}

static void garbage(struct peer_conn *pc)
{
    peer_write(pc, S("garbage\r\n\r\n"));
}

static void begin(void (*on_data)(struct peer_conn *))
{
    worker_init(&w, 0);
    cl = client_new(&w, NULL);
    peer_open(&peer, &w, on_data);
}

static str url_to(const char *rest)
{
    static char url[128];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", listener_port(&peer.listener), rest);
    return str_c(url);
}

static void run_errand(struct errand_request r, struct outcome *o)
{
    struct err e;
    *o = (struct outcome){ 0 };
    if (!errand_start(cl, &r, on_done, o, &e))
        fail_msg("%s", e.text);
    assert_int_equal(o->done, 0);
    RUN_UNTIL(&w, o->done);
}

static void requests_are_written_whole(void **state)
{
    (void)state;
    struct outcome o;
    char want[256];
    begin(echo);
    run_errand((struct errand_request){ .url = url_to("/v1/models?x=1") }, &o);
    assert_int_equal(o.result.code, OK);
    assert_int_equal(o.status, 203);
    CHECK_STR(str_c(o.type), S("text/x"));
    snprintf(want, sizeof(want),
             "GET /v1/models?x=1 HTTP/1.1\r\nhost: 127.0.0.1:%u\r\naccept: */*\r\n\r\n",
             listener_port(&peer.listener));
    CHECK_STR(str_c(o.body), str_c(want));
    run_errand((struct errand_request){ .url = url_to(""),
                                        .fields = S("authorization: Bearer k\r\n"),
                                        .body = S("{}") },
               &o);
    snprintf(want, sizeof(want),
             "POST / HTTP/1.1\r\nhost: 127.0.0.1:%u\r\naccept: */*\r\ncontent-length: 2\r\n"
             "authorization: Bearer k\r\n\r\n{}",
             listener_port(&peer.listener));
    CHECK_STR(str_c(o.body), str_c(want));
    assert_int_equal(peer.n, 1);
    wind_up(&w, cl, &peer);
}

static void failures(void **state)
{
    (void)state;
    static const struct {
        void (*script)(struct peer_conn *);
        uint32_t timeout_ms;
        size_t max;
        enum code want;
    } cases[] = {
        { never_answer, 40, 0, E_TIMEOUT },
        { garbage, 0, 0, E_SYNTAX },
        { echo, 0, 10, E_LIMIT },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct outcome o;
        begin(cases[i].script);
        run_errand((struct errand_request){ .url = url_to("/"),
                                            .timeout_ms = cases[i].timeout_ms,
                                            .body_bytes_max = cases[i].max },
                   &o);
        assert_int_equal(o.result.code, cases[i].want);
        assert_true(o.why[0] != '\0');
        run_for(&w, 20);
        assert_int_equal(o.done, 1);
        wind_up(&w, cl, &peer);
    }
}

static void cancelled_and_refused(void **state)
{
    (void)state;
    struct outcome o = { 0 };
    struct err e;
    begin(never_answer);
    struct errand *er = errand_start(
        cl, &(struct errand_request){ .url = url_to("/"), .timeout_ms = 20 }, on_done, &o, &e);
    assert_non_null(er);
    errand_cancel(er);
    run_for(&w, 60);
    assert_int_equal(o.done, 0);
    assert_null(
        errand_start(cl, &(struct errand_request){ .url = S("ftp://x/") }, on_done, &o, &e));
    assert_null(errand_start(cl, &(struct errand_request){ .url = url_to("/"), .method = S("A B") },
                             on_done, &o, &e));
    wind_up(&w, cl, &peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_written_whole),
        cmocka_unit_test(failures),
        cmocka_unit_test(cancelled_and_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
