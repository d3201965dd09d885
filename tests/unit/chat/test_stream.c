/* chat/stream: order of events whatever comes in; replies to events and back. */
#include "../check.h"

#include "chat/stream.h"

/* What came out, one word per event: "call0.1(id,name)". */
struct seen {
    struct chat_sink sink;
    struct buf text;
};

static const char *const finish_names[] = { "none",   "stop",  "stopseq", "length", "tools",
                                            "filter", "pause", "context", "error" };

static void note(struct chat_sink *sink, const struct chat_event *ev)
{
    struct seen *s = CONTAINER_OF(sink, struct seen, sink);
    struct buf *b = &s->text;
    if (b->n)
        buf_chr(b, ' ');
    unsigned c = ev->choice, k = ev->call;
    switch (ev->kind) {
    case EV_START:
        buf_fmt(b, "start(%.*s)", STRF(ev->id));
        break;
    case EV_TEXT:
        buf_fmt(b, "text%u(%.*s)", c, STRF(ev->text));
        break;
    case EV_THINKING:
        buf_fmt(b, "think%u(%.*s)", c, STRF(ev->text));
        break;
    case EV_SIGNATURE:
        buf_fmt(b, "sig%u(%.*s)", c, STRF(ev->text));
        break;
    case EV_CALL:
        buf_fmt(b, "call%u.%u(%.*s,%.*s)", c, k, STRF(ev->id), STRF(ev->name));
        break;
    case EV_ARGS:
        buf_fmt(b, "args%u.%u(%.*s)", c, k, STRF(ev->text));
        break;
    case EV_CALL_END:
        buf_fmt(b, "end%u.%u", c, k);
        break;
    case EV_MEDIA:
        buf_fmt(b, "media%u(%.*s,%.*s)", c, STRF(ev->media->mime), STRF(ev->media->data));
        break;
    case EV_FINISH:
        buf_fmt(b, "finish%u(%s)", c, finish_names[ev->finish]);
        break;
    case EV_USAGE:
        buf_fmt(b, "usage(%d,%d,%d)", (int)ev->usage->prompt, (int)ev->usage->completion,
                (int)ev->usage->total);
        break;
    case EV_ERROR:
        buf_fmt(b, "error(%.*s)", STRF(ev->error->message));
        break;
    case EV_DONE:
        buf_add(b, S("done"));
        break;
    default:
        buf_fmt(b, "other%u(%.*s)", c, STRF(ev->text));
        break;
    }
}

/* Shorthands for events. */
#define START_(i)                    \
    {                                \
        .kind = EV_START, .id = S(i) \
    }
#define TEXT(c, t)                                   \
    {                                                \
        .kind = EV_TEXT, .choice = (c), .text = S(t) \
    }
#define THINK(c, t)                                      \
    {                                                    \
        .kind = EV_THINKING, .choice = (c), .text = S(t) \
    }
#define CALL(c, k, i, nm)                                                      \
    {                                                                          \
        .kind = EV_CALL, .choice = (c), .call = (k), .id = S(i), .name = S(nm) \
    }
#define ARGS(c, k, t)                                             \
    {                                                             \
        .kind = EV_ARGS, .choice = (c), .call = (k), .text = S(t) \
    }
#define END(c, k)                                       \
    {                                                   \
        .kind = EV_CALL_END, .choice = (c), .call = (k) \
    }
#define FIN(c, f)                                       \
    {                                                   \
        .kind = EV_FINISH, .choice = (c), .finish = (f) \
    }
#define DONE            \
    {                   \
        .kind = EV_DONE \
    }

static const struct chat_error an_error = { .message = S("boom") };
static const struct chat_media a_picture = { .mime = S("image/png"), .data = S("AAAA") };
static const struct chat_usage used_some = { 5, 1, -1, -1, -1, -1, -1, -1, -1, -1, true };
static const struct chat_usage used_more = { 5, 7, 12, -1, -1, -1, -1, -1, -1, -1, true };
#define USAGE(u)                        \
    {                                   \
        .kind = EV_USAGE, .usage = &(u) \
    }
#define ERROR                                \
    {                                        \
        .kind = EV_ERROR, .error = &an_error \
    }
#define MEDIA(c)                                             \
    {                                                        \
        .kind = EV_MEDIA, .choice = (c), .media = &a_picture \
    }

static const struct {
    const char *name;
    struct chat_event in[16];
    size_t n;
    enum { AS_IT_IS, END_COMPLETE, END_CUT } end;
    const char *want;
} cases[] = {
    { "plain",
      { START_("x"), TEXT(0, "a"), TEXT(0, "b"), FIN(0, FINISH_STOP), USAGE(used_more), DONE },
      6,
      AS_IT_IS,
      "start(x) text0(a) text0(b) finish0(stop) usage(5,7,12) done" },
    { "start is missing",
      { TEXT(0, "a"), FIN(0, FINISH_STOP), DONE },
      3,
      AS_IT_IS,
      "start() text0(a) finish0(stop) done" },
    { "start twice",
      { START_("x"), TEXT(0, "a"), START_("y"), FIN(0, FINISH_STOP), DONE },
      5,
      AS_IT_IS,
      "start(x) text0(a) finish0(stop) done" },
    { "nothing at all", { DONE }, 1, AS_IT_IS, "start() finish0(stop) done" },
    { "empty pieces",
      { START_("x"), TEXT(0, ""), THINK(0, ""), FIN(0, FINISH_LENGTH), DONE },
      5,
      AS_IT_IS,
      "start(x) finish0(length) done" },
    { "usage grows, is early and comes once",
      { USAGE(used_some), TEXT(0, "a"), USAGE(used_more), USAGE(used_some), FIN(0, FINISH_STOP),
        DONE },
      6,
      AS_IT_IS,
      "start() text0(a) finish0(stop) usage(5,7,12) done" },
    { "total is added up",
      { USAGE(used_some), FIN(0, FINISH_STOP), DONE },
      3,
      AS_IT_IS,
      "start() finish0(stop) usage(5,1,6) done" },
    { "call without an end, finish says stop",
      { START_("x"), CALL(0, 0, "a", "f"), ARGS(0, 0, "{}"), FIN(0, FINISH_STOP), DONE },
      5,
      AS_IT_IS,
      "start(x) call0.0(a,f) args0.0({}) end0.0 finish0(tools) done" },
    { "calls one after the other, no ends",
      { CALL(0, 0, "a", "f"), ARGS(0, 0, "{\"x\":\"}"), ARGS(0, 0, "\\\"\"}"), CALL(0, 1, "b", "g"),
        ARGS(0, 1, "{}"), FIN(0, FINISH_TOOL_CALLS), DONE },
      7,
      AS_IT_IS,
      "start() call0.0(a,f) args0.0({\"x\":\"}) args0.0(\\\"\"}) end0.0 call0.1(b,g) "
      "args0.1({}) end0.1 finish0(tools) done" },
    { "interleaved calls wait",
      { CALL(0, 0, "a", "f"), ARGS(0, 0, "{\"x\""), CALL(0, 1, "b", "g"), ARGS(0, 1, "{\"y\""),
        ARGS(0, 0, ":1}"), ARGS(0, 1, ":2}"), FIN(0, FINISH_TOOL_CALLS), DONE },
      8,
      AS_IT_IS,
      "start() call0.0(a,f) args0.0({\"x\") args0.0(:1}) end0.0 "
      "call0.1(b,g) args0.1({\"y\":2}) end0.1 finish0(tools) done" },
    { "interleaved calls with ends",
      { CALL(0, 0, "a", "f"), CALL(0, 1, "b", "g"), CALL(0, 2, "c", "h"), ARGS(0, 1, "{}"),
        END(0, 1), ARGS(0, 2, "{"), ARGS(0, 0, "{}"), END(0, 0), ARGS(0, 2, "}"), END(0, 2),
        FIN(0, FINISH_TOOL_CALLS), DONE },
      12,
      AS_IT_IS,
      "start() call0.0(a,f) args0.0({}) end0.0 call0.1(b,g) args0.1({}) end0.1 "
      "call0.2(c,h) args0.2({) args0.2(}) end0.2 finish0(tools) done" },
    { "a call without arguments before another",
      { CALL(0, 0, "a", "f"), CALL(0, 1, "b", "g"), ARGS(0, 1, "{}"), FIN(0, FINISH_STOP), DONE },
      5,
      AS_IT_IS,
      "start() call0.0(a,f) end0.0 call0.1(b,g) args0.1({}) end0.1 finish0(tools) done" },
    { "text after a complete call ends it",
      { CALL(0, 0, "a", "f"), ARGS(0, 0, "{}"), TEXT(0, "t"), FIN(0, FINISH_STOP), DONE },
      5,
      AS_IT_IS,
      "start() call0.0(a,f) args0.0({}) end0.0 text0(t) finish0(tools) done" },
    { "text and pictures within a call wait",
      { CALL(0, 0, "a", "f"), ARGS(0, 0, "{"), TEXT(0, "t"), MEDIA(0), ARGS(0, 0, "}"),
        FIN(0, FINISH_STOP), DONE },
      7,
      AS_IT_IS,
      "start() call0.0(a,f) args0.0({) args0.0(}) end0.0 text0(t) media0(image/png,AAAA) "
      "finish0(tools) done" },
    { "two choices, text and calls interleaved",
      { TEXT(0, "a"), TEXT(1, "b"), CALL(0, 0, "p", "f"), CALL(1, 0, "q", "g"),
        ARGS(0, 0, "{\"x\""), ARGS(1, 0, "{}"), TEXT(2, "c"), FIN(1, FINISH_STOP),
        ARGS(0, 0, ":1}"), FIN(0, FINISH_STOP), FIN(2, FINISH_STOP), DONE },
      12,
      AS_IT_IS,
      "start() text0(a) text1(b) call0.0(p,f) args0.0({\"x\") text2(c) call1.0(q,g) "
      "args1.0({}) end1.0 finish1(tools) args0.0(:1}) end0.0 finish0(tools) finish2(stop) "
      "done" },
    { "finish once, nothing after it",
      { TEXT(0, "a"), FIN(0, FINISH_LENGTH), FIN(0, FINISH_STOP), TEXT(0, "late"), DONE },
      5,
      AS_IT_IS,
      "start() text0(a) finish0(length) done" },
    { "every choice is finished",
      { TEXT(0, "a"), TEXT(1, "b"), FIN(1, FINISH_STOP), DONE },
      4,
      AS_IT_IS,
      "start() text0(a) text1(b) finish1(stop) finish0(stop) done" },
    { "length with a call stays length",
      { CALL(0, 0, "a", "f"), ARGS(0, 0, "{\"x"), FIN(0, FINISH_LENGTH), DONE },
      4,
      AS_IT_IS,
      "start() call0.0(a,f) args0.0({\"x) end0.0 finish0(length) done" },
    { "nothing after an error",
      { TEXT(0, "a"), ERROR, TEXT(0, "b"), FIN(0, FINISH_STOP), DONE },
      5,
      END_COMPLETE,
      "start() text0(a) error(boom)" },
    { "an error first", { ERROR }, 1, END_CUT, "error(boom)" },
    { "nothing after done",
      { TEXT(0, "a"), DONE, TEXT(0, "b"), ERROR },
      4,
      END_CUT,
      "start() text0(a) finish0(stop) done" },
    { "finish by an error",
      { TEXT(0, "a"), FIN(0, FINISH_ERROR), DONE },
      3,
      AS_IT_IS,
      "start() text0(a) error(The upstream broke its answer off with an error)" },
    { "complete without done",
      { TEXT(0, "a"), FIN(0, FINISH_STOP), USAGE(used_more) },
      3,
      END_COMPLETE,
      "start() text0(a) finish0(stop) usage(5,7,12) done" },
    { "cut", { TEXT(0, "a"), USAGE(used_some) }, 2, END_CUT, "start() text0(a) error(cut off)" },
    { "pieces of no call",
      { ARGS(0, 0, "{}"), END(0, 3), CALL(0, 0, "a", "f"), CALL(0, 0, "a", "f"), DONE },
      5,
      AS_IT_IS,
      "start() call0.0(a,f) end0.0 finish0(tools) done" },
    { "a choice too many",
      { TEXT(64, "a"), TEXT(63, "b"), DONE },
      3,
      AS_IT_IS,
      "start() text63(b) finish63(stop) done" },
};

static void keeps_order(void **state)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct seen seen = { { note } };
        struct chat_stream s;
        buf_init(&seen.text, 1 << 16);
        chat_stream_init(&s, &seen.sink);
        for (size_t k = 0; k < cases[i].n; k++)
            s.in.emit(&s.in, &cases[i].in[k]);
        if (cases[i].end != AS_IT_IS)
            chat_stream_end(&s, cases[i].end == END_COMPLETE, S("cut off"));
        chat_stream_done(&s);
        str got = buf_str(&seen.text);
        if (!str_eq(got, str_c(cases[i].want)))
            fail_msg("%s\n  got:  %.*s\n  want: %s", cases[i].name, STRF(got), cases[i].want);
        buf_done(&seen.text);
    }
}

/* Strings of waiting events are copies. */
static void copies_what_waits(void **state)
{
    struct seen seen = { { note } };
    struct chat_stream s;
    buf_init(&seen.text, 1 << 16);
    chat_stream_init(&s, &seen.sink);
    char id[] = "id", name[] = "nm", args[] = "{}";
    s.in.emit(&s.in, &(struct chat_event)CALL(0, 0, "a", "f"));
    s.in.emit(&s.in, &(struct chat_event){
                         .kind = EV_CALL, .call = 1, .id = { id, 2 }, .name = { name, 2 } });
    s.in.emit(&s.in, &(struct chat_event){ .kind = EV_ARGS, .call = 1, .text = { args, 2 } });
    id[0] = name[0] = args[0] = '!';
    chat_stream_end(&s, true, S(""));
    CHECK_STR(buf_str(&seen.text), S("start() call0.0(a,f) end0.0 call0.1(id,nm) args0.1({}) "
                                     "end0.1 finish0(tools) done"));
    chat_stream_done(&s);
    buf_done(&seen.text);
}

static void limits_what_waits(void **state)
{
    struct seen seen = { { note } };
    struct chat_stream s;
    buf_init(&seen.text, 1 << 16);
    chat_stream_init(&s, &seen.sink);
    struct buf big;
    buf_init(&big, 1 << 20);
    size_t size = 1 << 20;
    assert_non_null(buf_room(&big, size));
    memset(big.p, 'x', size);
    s.in.emit(&s.in, &(struct chat_event)CALL(0, 0, "a", "f"));
    s.in.emit(&s.in, &(struct chat_event)CALL(0, 1, "b", "g"));
    for (int i = 0; i < 20; i++)
        s.in.emit(&s.in,
                  &(struct chat_event){ .kind = EV_ARGS, .call = 1, .text = { big.p, size } });
    assert_true(s.over && s.broken);
    assert_true(str_contains(buf_str(&seen.text), S("error(The upstream interleaves")));
    chat_stream_done(&s);
    buf_done(&big);
    buf_done(&seen.text);
}

static const struct chat_event an_answer[] = {
    START_("x"),
    THINK(0, "hm"),
    { .kind = EV_SIGNATURE, .origin = DIALECT_ANTHROPIC, .text = S("s1") },
    TEXT(0, "Hel"),
    TEXT(1, "other"),
    TEXT(0, "lo"),
    { .kind = EV_LOGPROBS, .text = S("{\"content\":[{\"a\":1}],\"refusal\":null}") },
    { .kind = EV_LOGPROBS, .text = S("{\"content\":[{\"a\":2}]}") },
    { .kind = EV_NOTES, .text = S("[{\"n\":1}]") },
    { .kind = EV_NOTES, .text = S(" [ {\"n\":2} ] ") },
    CALL(0, 0, "a", "f"),
    ARGS(0, 0, "{\"x\""),
    ARGS(0, 0, ":1}"),
    MEDIA(1),
    FIN(0, FINISH_TOOL_CALLS),
    FIN(1, FINISH_STOP),
    USAGE(used_more),
    DONE,
};

static void gathers_a_reply(void **state)
{
    struct arena a;
    arena_init(&a);
    struct chat_gather g;
    struct chat_stream s;
    chat_gather_init(&g, &a);
    chat_stream_init(&s, &g.sink);
    for (size_t i = 0; i < COUNT_OF(an_answer); i++)
        s.in.emit(&s.in, &an_answer[i]);
    chat_stream_done(&s);
    assert_true(g.done);
    assert_null(g.error);
    const struct chat_reply *r = chat_gather_reply(&g);
    CHECK_STR(r->id, S("x"));
    assert_int_equal(r->usage.completion, 7);
    const struct chat_choice *c = r->choices;
    assert_int_equal(c->finish, FINISH_TOOL_CALLS);
    CHECK_STR(c->logprobs, S("{\"content\":[{\"a\":1},{\"a\":2}],\"refusal\":null}"));
    const struct chat_part *p = c->parts;
    assert_int_equal(p->kind, PART_THINKING);
    CHECK_STR(p->text, S("hm"));
    CHECK_STR(p->signature, S("s1"));
    assert_int_equal(p->origin, DIALECT_ANTHROPIC);
    p = p->next;
    CHECK_STR(p->text, S("Hello"));
    CHECK_STR(p->notes, S("[{\"n\":1},{\"n\":2}]"));
    p = p->next;
    assert_int_equal(p->kind, PART_TOOL_CALL);
    CHECK_STR(p->call.id, S("a"));
    CHECK_STR(p->call.args, S("{\"x\":1}"));
    assert_null(p->next);
    c = c->next;
    assert_int_equal(c->index, 1);
    CHECK_STR(c->parts->text, S("other"));
    CHECK_STR(c->parts->next->media.data, S("AAAA"));
    assert_null(c->next);

    /* And back: the reply's events, gathered again, say the same. */
    struct seen seen = { { note } };
    buf_init(&seen.text, 1 << 16);
    chat_stream_init(&s, &seen.sink);
    chat_reply_emit(r, &s.in);
    chat_stream_done(&s);
    CHECK_STR(buf_str(&seen.text),
              S("start(x) think0(hm) sig0(s1) text0(Hello) other0([{\"n\":1},{\"n\":2}]) "
                "call0.0(a,f) args0.0({\"x\":1}) end0.0 "
                "other0({\"content\":[{\"a\":1},{\"a\":2}],\"refusal\":null}) finish0(tools) "
                "text1(other) media1(image/png,AAAA) finish1(stop) usage(5,7,12) done"));
    buf_done(&seen.text);
    arena_done(&a);
}

static void gathers_an_error(void **state)
{
    struct arena a;
    arena_init(&a);
    struct chat_gather g;
    chat_gather_init(&g, &a);
    g.sink.emit(&g.sink, &(struct chat_event)TEXT(0, "x"));
    g.sink.emit(&g.sink, &(struct chat_event)ERROR);
    g.sink.emit(&g.sink, &(struct chat_event)DONE);
    assert_false(g.done);
    CHECK_STR(g.error->message, S("boom"));
    assert_true(g.error->message.p != an_error.message.p);
    arena_done(&a);
    chat_gather_init(&g, &a);
    assert_non_null(chat_gather_reply(&g)->choices);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order),       cmocka_unit_test(copies_what_waits),
        cmocka_unit_test(limits_what_waits), cmocka_unit_test(gathers_a_reply),
        cmocka_unit_test(gathers_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
