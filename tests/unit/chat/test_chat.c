/* chat: losses, errors, lists, linking of results to calls, effort, ids. */
#include "../arena_fixture.h"
#include "../check.h"

#include "base/buf.h"
#include "chat/chat.h"

static void drops_or_refuses(void **state)
{
    struct chat_loss loss = { .arena = &arena };
    struct err e = { 0 };
    CHECK_OK(chat_drop(&loss, true, S("n"), S("Anthropic"), &e), &e);
    CHECK_OK(chat_drop(&loss, true, S("seed"), S("Anthropic"), &e), &e);
    chat_note_loss(&loss, S("n"));
    CHECK_STR(loss.dropped->s, S("n"));
    CHECK_STR(loss.dropped->next->s, S("seed"));
    assert_null(loss.dropped->next->next);
    for (int i = 0; i < 1000 * 1000; i++) /* as many as a caller likes */
        chat_note_loss(&loss, arena_fmt(&arena, "a%d", i));
    size_t n = 0;
    for (const struct chat_str *s = loss.dropped; s; s = s->next)
        n++;
    assert_int_equal(n, CHAT_LOSSES_MAX);
    assert_int_equal(chat_drop(&loss, false, S("logprobs"), S("Anthropic"), &e).code,
                     E_UNSUPPORTED);
    assert_string_equal(e.where, "logprobs");
    assert_non_null(strstr(e.text, "Anthropic does not support the parameter 'logprobs'"));
}

static void knows_error_kinds(void **state)
{
    for (unsigned kind = 0; kind <= ERR_OVERLOADED; kind++) {
        unsigned status = chat_error_status(kind);
        assert_true(status >= 400 && status < 600);
        /* Kinds that share a status are told apart by the text only. */
        if (kind != ERR_CONTEXT_WINDOW && kind != ERR_CONTENT_POLICY && kind != ERR_QUOTA)
            assert_int_equal(chat_error_kind_of(status), kind);
    }
    assert_int_equal(chat_error_kind_of(504), ERR_TIMEOUT);
    assert_int_equal(chat_error_kind_of(418), ERR_INVALID_REQUEST);
    assert_int_equal(chat_error_kind_of(599), ERR_SERVER);
    assert_int_equal(chat_error_kind_of(200), ERR_BAD_GATEWAY);
}

static void refines_errors(void **state)
{
    static const struct {
        unsigned status;
        const char *message, *type, *code;
        enum chat_error_kind want;
    } cases[] = {
        { 400, "no", "", "context_length_exceeded", ERR_CONTEXT_WINDOW },
        { 400, "This model's Maximum Context Length is 1024 tokens.", "", "", ERR_CONTEXT_WINDOW },
        { 400, "prompt is too long: 201 tokens > 200 maximum", "", "", ERR_CONTEXT_WINDOW },
        { 413, "exceeds the context window", "", "", ERR_CONTEXT_WINDOW },
        { 429, "context window", "", "", ERR_RATE_LIMIT },
        { 400, "blocked", "", "content_policy_violation", ERR_CONTENT_POLICY },
        { 400, "x", "", "content_filter", ERR_CONTENT_POLICY },
        { 429, "You exceeded your quota", "insufficient_quota", "insufficient_quota", ERR_QUOTA },
        { 429, "slow down", "requests", "rate_limit_exceeded", ERR_RATE_LIMIT },
        { 400, "Your credit balance is too low", "", "", ERR_BILLING },
        { 500, "Overloaded", "overloaded_error", "", ERR_OVERLOADED },
        { 400, "bad value", "invalid_request_error", "", ERR_INVALID_REQUEST },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct chat_error err = { .status = cases[i].status,
                                  .kind = chat_error_kind_of(cases[i].status),
                                  .message = str_c(cases[i].message),
                                  .type = str_c(cases[i].type),
                                  .code = str_c(cases[i].code) };
        chat_error_complete(&err, &arena);
        if (err.kind != cases[i].want)
            fail_msg("'%s': kind %d, want %d", cases[i].message, err.kind, cases[i].want);
        CHECK_STR(err.message, str_c(cases[i].message));
    }
    struct chat_error empty = { .status = 503, .message = S(" \n") };
    chat_error_complete(&empty, &arena);
    CHECK_STR(empty.message, S("Provider returned HTTP 503"));
}

static void joins_text(void **state)
{
    struct chat_part *list = NULL;
    CHECK_STR(chat_text_of(&arena, list, S("\n")), S(""));
    struct chat_part *one = chat_add_part(&arena, &list, PART_TEXT);
    one->text = S("one");
    chat_add_part(&arena, &list, PART_IMAGE);
    assert_ptr_equal(chat_text_of(&arena, list, S("\n")).p, one->text.p);
    chat_add_part(&arena, &list, PART_TEXT);
    chat_add_part(&arena, &list, PART_TEXT)->text = S("three");
    CHECK_STR(chat_text_of(&arena, list, S("\n")), S("one\n\nthree"));
    CHECK_STR(chat_text_of(&arena, list, S("")), S("onethree"));
}

/* "C:id:name" a call, "R:id:name" a result, "|" the next message; expected in the same way. */
static void links(const char *given, const char *want)
{
    struct chat_req r = { 0 };
    struct chat_message **tail = &r.messages;
    str rest = str_c(given);
    struct chat_message *m = chat_add_message(&arena, &tail, ROLE_ASSISTANT);
    while (rest.p) {
        str item = str_cut(&rest, ' ');
        str kind = str_cut(&item, ':'), id = str_cut(&item, ':');
        if (str_eq(kind, S("|"))) {
            m = chat_add_message(&arena, &tail, ROLE_ASSISTANT);
        } else if (str_eq(kind, S("C"))) {
            struct chat_part *p = chat_add_part(&arena, &m->parts, PART_TOOL_CALL);
            p->call.id = id;
            p->call.name = item;
        } else {
            struct chat_part *p = chat_add_part(&arena, &m->parts, PART_TOOL_RESULT);
            p->result.id = id;
            p->result.name = item;
        }
    }
    chat_link_results(&r, &arena);
    struct buf out;
    buf_init(&out, 4096);
    for (m = r.messages; m; m = m->next) {
        if (m != r.messages)
            buf_add(&out, S(" |"));
        for (struct chat_part *p = m->parts; p; p = p->next)
            if (p->kind == PART_TOOL_CALL)
                buf_fmt(&out, " C:%.*s:%.*s", STRF(p->call.id), STRF(p->call.name));
            else
                buf_fmt(&out, " R:%.*s:%.*s", STRF(p->result.id), STRF(p->result.name));
    }
    str got = arena_dup(&arena, str_skip(buf_str(&out), 1));
    buf_done(&out);
    CHECK_STR(got, str_c(want));
}

static void links_results(void **state)
{
    links("C:a:f | R:a:", "C:a:f | R:a:f");
    links("C::f | R::f", "C:call_0:f | R:call_0:f");
    links("C::f C::f | R::f R::f", "C:call_0:f C:call_1:f | R:call_0:f R:call_1:f");
    links("C:a:f C:b:g | R::g R::f", "C:a:f C:b:g | R:b:g R:a:f");
    links("C:a:f C:b:g | R:: R::", "C:a:f C:b:g | R:a:f R:b:g");
    links("C:a:f C:b:f | R:a: R::f", "C:a:f C:b:f | R:a:f R:b:f");
    links("C:a:f C:b:g | R:b: R::", "C:a:f C:b:g | R:b:g R:a:f");
    /* Made-up ids differ from given ones, also from later ones. */
    links("C::f | R:: | C:call_0:g C:call_1:h", "C:call_2:f | R:call_2:f | C:call_0:g C:call_1:h");
    /* Only the last turn's calls are open. */
    links("C:a:f | C:b:g | R::", "C:a:f | C:b:g | R:b:g");
    /* A result that answers nothing keeps what it has, and gets an id. */
    links("R::f R:x:", "R:call_0:f R:x:");
    links("R:a: | C:a:f", "R:a: | C:a:f");
    links("C:a:f | R::other", "C:a:f | R:a:other");
}

static void links_many_in_linear_time(void **state)
{
    enum { MANY = 20000 };
    struct chat_req r = { 0 };
    struct chat_message **tail = &r.messages;
    struct chat_message *m = chat_add_message(&arena, &tail, ROLE_ASSISTANT);
    struct chat_part **last = &m->parts;
    for (size_t i = 0; i < MANY; i++, last = &(*last)->next)
        chat_add_part(&arena, last, PART_TOOL_CALL)->call.name = S("f");
    m = chat_add_message(&arena, &tail, ROLE_TOOL);
    last = &m->parts;
    for (size_t i = 0; i < MANY; i++, last = &(*last)->next)
        chat_add_part(&arena, last, PART_TOOL_RESULT)->result.name = S("f");
    chat_link_results(&r, &arena);
    struct chat_part *call = r.messages->parts, *result = m->parts;
    for (; call; call = call->next, result = result->next)
        CHECK_STR(result->result.id, call->call.id);
    assert_null(result);
}

static void finds_calls(void **state)
{
    struct chat_req r = { 0 };
    struct chat_message **tail = &r.messages;
    for (int i = 0; i < 2; i++) {
        struct chat_message *m = chat_add_message(&arena, &tail, ROLE_ASSISTANT);
        struct chat_part *p = chat_add_part(&arena, &m->parts, PART_TOOL_CALL);
        p->call.id = S("a");
        p->call.name = i ? S("second") : S("first");
    }
    CHECK_STR(chat_find_call(&r, S("a"), NULL)->name, S("second"));
    CHECK_STR(chat_find_call(&r, S("a"), r.messages->next)->name, S("first"));
    assert_null(chat_find_call(&r, S("b"), NULL));
}

static void converts_effort(void **state)
{
    assert_string_equal(chat_effort_name(EFFORT_UNSET), "");
    for (enum chat_effort e = EFFORT_NONE; e <= EFFORT_MAX; e++)
        assert_int_equal(chat_effort_of(str_c(chat_effort_name(e))), e);
    assert_int_equal(chat_effort_of(S("default")), EFFORT_UNSET);
    assert_int_equal(chat_effort_of(S("")), EFFORT_UNSET);
    for (enum chat_effort e = EFFORT_UNSET; e <= EFFORT_HIGH; e++)
        assert_int_equal(chat_budget_effort(chat_effort_budget(e)), e);
    assert_int_equal(chat_budget_effort(1), EFFORT_MINIMAL);
    assert_int_equal(chat_budget_effort(2047), EFFORT_LOW);
    assert_int_equal(chat_budget_effort(31999), EFFORT_HIGH);
    assert_int_equal(chat_budget_effort(-1), EFFORT_MEDIUM);
}

static void makes_ids(void **state)
{
    str a = chat_new_id(&arena, S("chatcmpl-")), b = chat_new_id(&arena, S("chatcmpl-"));
    assert_int_equal(a.n, 9 + 24);
    assert_true(str_starts(a, S("chatcmpl-")));
    assert_false(str_eq(a, b));
    for (size_t i = 9; i < a.n; i++)
        assert_true((a.p[i] >= '0' && a.p[i] <= '9') || (a.p[i] >= 'a' && a.p[i] <= 'z') ||
                    (a.p[i] >= 'A' && a.p[i] <= 'Z'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(drops_or_refuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(knows_error_kinds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refines_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(joins_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_results, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_many_in_linear_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finds_calls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(converts_effort, set_up, tear_down),
        cmocka_unit_test_setup_teardown(makes_ids, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
