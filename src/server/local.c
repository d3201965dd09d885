#include "server/call.h"

#include "base/clock.h"

/* Models that answer inside the gateway: sluice/echo, plainly a test model, and LiteLLM's
 * mock_response. They walk the same way as any other: the request is parsed by the caller's
 * dialect, the answer written by it. */

static str last_user_text(const struct chat_req *r, struct arena *a)
{
    const struct chat_message *last = NULL;
    for (const struct chat_message *m = r->messages; m; m = m->next)
        if (m->role == ROLE_USER)
            last = m;
    return last ? chat_text_of(a, last->parts, S(" ")) : (str){ 0 };
}

static int64_t words(str s)
{
    int64_t n = 0;
    bool in_word = false;
    for (size_t i = 0; i < s.n; i++) {
        bool blank = s.p[i] == ' ' || s.p[i] == '\n' || s.p[i] == '\t';
        n += !blank && !in_word;
        in_word = !blank;
    }
    return n;
}

/* mock_response: "litellm.RateLimitError" and its kin are raised rather than said. */
static bool raises(str text, struct chat_error *err)
{
    static const struct {
        const char *name;
        unsigned status;
        const char *message;
    } table[] = {
        { "litellm.RateLimitError", 429, "this is a mock rate limit error" },
        { "litellm.ContextWindowExceededError", 400,
          "this is a mock context window error: maximum context length exceeded" },
        { "litellm.InternalServerError", 500, "this is a mock internal server error" },
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        if (!str_eq(text, str_c(table[i].name)))
            continue;
        *err = (struct chat_error){ .status = table[i].status,
                                    .kind = chat_error_kind_of(table[i].status),
                                    .message = str_c(table[i].message),
                                    .retry_after_ms = -1 };
        return true;
    }
    return false;
}

static void say(struct call *c, str text, struct chat_usage usage)
{
    struct exchange *x = c->x;
    struct chat_reply r = { .origin = DIALECT_NONE,
                            .id =
                                arena_cat(&x->arena, S("chatcmpl-"), (str){ x->id, CALL_ID_BYTES }),
                            .model = c->model_shown,
                            .created = x->wall_ms / 1000,
                            .usage = usage };
    struct chat_choice *choice = NEW(&x->arena, struct chat_choice, 1);
    choice->finish = FINISH_STOP;
    chat_add_part(&x->arena, &choice->parts, PART_TEXT)->text = text;
    r.choices = choice;
    call_attempt_ok(c);
    answer_reply(c, &r);
}

void local_answer(struct call *c)
{
    struct exchange *x = c->x;
    struct chat_error err;
    struct chat_usage usage = CHAT_USAGE_NONE;
    usage.seen = true;
    if (c->dep->mock_response.p) {
        if (raises(c->dep->mock_response, &err)) {
            chat_error_complete(&err, &x->arena);
            call_attempt_failed(c, ROUTE_FAIL_STATUS, &err);
            return;
        }
        usage.prompt = 10;
        usage.completion = 20;
        usage.total = 30;
        say(c, c->dep->mock_response, usage);
        return;
    }
    str said = last_user_text(c->try->req, &x->scratch);
    str text = arena_cat(&x->arena, S("This is sluice/echo, a built-in test model. You said: "),
                         str_take(said, 100000));
    usage.prompt = words(said);
    usage.completion = words(text);
    usage.total = usage.prompt + usage.completion;
    say(c, text, usage);
}
