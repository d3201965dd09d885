#include "server/call.h"

#include "base/clock.h"
#include "chat/quirks.h"
#include "json/write.h"
#include "server/count.h"
#include "server/fetch.h"
#include "server/left_out.h"
#include "server/operation.h"
#include "server/realtime.h"
#include "server/reply.h"
#include "server/responses.h"
#include "server/tunnel.h"

enum {
    /* When an answer may be silent until the call is given up, if nothing is configured. LiteLLM's
     * default request_timeout. */
    TIMEOUT_MS = 6000 * 1000,
    /* The same for the answer to a handshake, whose client waits some 10 s. */
    HANDSHAKE_MS = 20 * 1000,
};

#define NAME(lit)            \
    {                        \
        lit, sizeof(lit) - 1 \
    }

const str call_member_names[MEMBER_COUNT] = {
    [MEMBER_MODEL] = NAME("model"),
    [MEMBER_STREAM] = NAME("stream"),
    [MEMBER_STREAM_OPTIONS] = NAME("stream_options"),
    [MEMBER_STORE] = NAME("store"),
    [MEMBER_MAX_TOKENS] = NAME("max_tokens"),
    [MEMBER_CONVERSATION] = NAME("messages"),
    [MEMBER_INPUT] = NAME("input"),
    [MEMBER_OURS] = NAME("metadata"),
    NAME("timeout"),
    NAME("num_retries"),
    NAME("fallbacks"),
    NAME("disable_fallbacks"),
    NAME("drop_params"),
    NAME("litellm_metadata"),
    NAME("tags"),
    NAME("guardrails"),
    NAME("cache"),
    NAME("priority"),
    NAME("additional_drop_params"),
    NAME("allowed_openai_params"),
    NAME("no-log"),
    NAME("litellm_session_id"),
    NAME("litellm_trace_id"),
    NAME("prompt_id"),
    NAME("mock_response"),
    NAME("mock_timeout"),
    NAME("mock_testing_fallbacks"),
};

/* ---- admission: is it a request we can route? --------------------------------------------------
 */

static rc scan_body(struct call *c, struct err *e)
{
    struct exchange *x = c->x;
    enum json_kind top;
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        c->try->members[i].name = call_member_names[i];
    if (str_trim(buf_str(&x->asked->body)).n == 0) /* LiteLLM reads an empty body as {} */
        buf_add(&x->asked->body, S("{}"));
    TRY(json_scan(buf_str(&x->asked->body), c->try->members, MEMBER_COUNT, &top, e));
    if (top != JSON_OBJECT)
        return fail(e, E_SYNTAX, "body", 0, "%s: expected an object", json_kind_name(top));
    return RC_OK;
}

/* The name the client asks for: in the path (Gemini, Azure's form) or in the body. */
static bool read_model(struct call *c)
{
    struct exchange *x = c->x;
    const struct json_member *m = &c->try->members[MEMBER_MODEL];
    if (m->kind == JSON_STRING)
        c->model_shown = json_unescape(&x->arena, m->value);
    else if (m->kind == JSON_NUMBER)
        c->model_shown = arena_dup(&x->arena, m->value);
    if (x->asked->path_model.n && (c->in->model_in_path || c->model_shown.n == 0))
        c->model_shown = x->asked->path_model;
    if (c->model_shown.n == 0 && c->op)
        c->model_shown = str_c(c->op->default_model);
    if (c->model_shown.n)
        c->model_shown = arena_dup(&x->arena, c->model_shown); /* x->asked->body may go before us */
    return c->model_shown.n > 0;
}

static void read_stream_flags(struct call *c)
{
    struct exchange *x = c->x;
    const struct json_member *so = &c->try->members[MEMBER_STREAM_OPTIONS];
    enum json_kind stream = c->try->members[MEMBER_STREAM].kind;
    if (c->in->model_in_path)
        c->stream = c->path_stream;
    else if (stream == JSON_NONE)
        c->stream = c->in->streams_by_default && !c->op;
    else
        c->stream = stream == JSON_TRUE;
    c->show_usage = !c->in->ask_stream_usage;
    if (so->kind == JSON_OBJECT) {
        struct json_member m = { .name = S("include_usage") };
        enum json_kind top;
        struct err e;
        if (!FAILED(json_scan(so->value, &m, 1, &top, &e)) && m.kind == JSON_TRUE)
            c->show_usage = true;
    }
    if (x->snap->config->always_include_stream_usage == TRI_TRUE)
        c->show_usage = true;
}

/* ---- the plan
 * ------------------------------------------------------------------------------------ */

static void next_attempt(struct call *c);

static void read_overrides(struct call *c, struct plan_options *o)
{
    double seconds;
    uint64_t n;
    *o = plan_options_default();
    const struct asked *head = c->x->asked;
    str retries = c->try->members[MEMBER_NUM_RETRIES].value;
    str timeout = c->try->members[MEMBER_TIMEOUT].value;
    if (str_to_u64(retries.n ? retries : head->num_retries, &n) && n <= 100)
        o->num_retries = (int)n;
    if (str_to_double(timeout.n ? timeout : head->timeout, &seconds) && seconds > 0 &&
        seconds < 1e6)
        o->timeout_ms = (uint32_t)(seconds * 1000);
    o->disable_fallbacks = c->try->members[MEMBER_DISABLE_FALLBACKS].kind == JSON_TRUE;
    if (c->try->members[MEMBER_FALLBACKS].kind == JSON_ARRAY)
        o->fallbacks = c->try->members[MEMBER_FALLBACKS].value;
}

/* `input` where chat completions have `messages`: Cursor sends its Responses requests here, and
 * wants a chat completion for them. */
static bool asks_as_responses(const struct call *c)
{
    enum json_kind input = c->try->members[MEMBER_INPUT].kind;
    return c->in->id == DIALECT_OPENAI_CHAT &&
           c->try->members[MEMBER_CONVERSATION].kind == JSON_NONE &&
           (input == JSON_STRING || input == JSON_ARRAY);
}

static struct call *call_new(struct exchange *x, const struct operation *op)
{
    struct call *c = NEW(&x->arena, struct call, 1);
    c->x = x;
    c->op = op;
    c->in = c->asks = x->in;
    c->try = NEW(&x->scratch, struct attempt, 1);
    c->cost_nanousd = -1;
    c->usage = &call_no_usage;
    c->try->loss.arena = &x->arena;
    c->upgrade = x->asked->offer != NULL;
    c->begin_ms = exchange_now_ms(x);
    return c;
}

void call_pass(struct exchange *x, const struct deployment *d, str path)
{
    struct plan_options options = plan_options_default();
    struct call *c = call_new(x, &operation_pass);
    c->model_shown = d->group_name;
    c->try->path = path;
    options.num_retries = 0;
    options.disable_fallbacks = true;
    options.only = d;
    x->call = c;
    BUG_UNLESS(plan_init(&c->try->plan, x->snap->routes, c->model_shown, &options, &x->scratch));
    exchange_move(x, X_ROUTE);
    next_attempt(c);
}

void call_upgrade(struct exchange *x, const struct operation *op, str model)
{
    struct plan_options options;
    struct call *c = call_new(x, op);
    c->model_shown = arena_dup(&x->arena, model);
    read_overrides(c, &options);
    options.realtime = true;
    if (!plan_init(&c->try->plan, x->snap->routes, c->model_shown, &options, &x->scratch)) {
        reply_unknown_model(x, c->model_shown);
        return;
    }
    x->call = c;
    exchange_move(x, X_ROUTE);
    next_attempt(c);
}

void call_serve(struct exchange *x, const struct operation *op)
{
    struct err e = { 0 };
    struct call *c = call_new(x, op);
    if (FAILED(op && op->form ? operation_find_model(c, &e) : scan_body(c, &e))) {
        reply_error_text(x, 400, "invalid_request_error", "request_body", "Invalid %s: %s",
                         op && op->form ? "form" : "JSON payload", e.text);
        return;
    }
    if (!op && asks_as_responses(c))
        c->asks = dialect_get(DIALECT_OPENAI_RESPONSES);
    if (c->in->read_path)
        c->in->read_path(x->asked->path_rest, &x->asked->path_model, &c->path_stream, &x->arena);
    read_stream_flags(c);
    if (!read_model(c)) {
        reply_unknown_model(x, c->model_shown);
        return;
    }
    struct plan_options options;
    read_overrides(c, &options);
    options.only = responses_pin(x);
    if (!op && x->snap->config->enable_pre_call_checks) {
        options.fits = count_fits;
        options.fits_arg = c;
    }
    x->call = c;
    if (!plan_init(&c->try->plan, x->snap->routes, c->model_shown, &options, &x->scratch)) {
        x->call = NULL;
        reply_unknown_model(x, c->model_shown);
        return;
    }
    exchange_move(x, X_ROUTE);
    next_attempt(c);
}

void call_chat(struct exchange *x)
{
    call_serve(x, NULL);
}

void call_operation(struct exchange *x)
{
    call_serve(x, x->endpoint->op);
}

/* ---- attempts
 * ------------------------------------------------------------------------------------ */

static void bad_request(struct call *c, rc r, const struct err *e)
{
    struct exchange *x = c->x;
    struct chat_error err = {
        .status = r.code == E_LIMIT ? 413 : 400,
        .kind = ERR_INVALID_REQUEST,
        .type = S("invalid_request_error"),
        .param = str_c(e->where),
        .message = str_c(e->text),
        .retry_after_ms = -1,
    };
    if (r.code == E_UNSUPPORTED)
        err.message = arena_fmt(&x->arena,
                                "%s. To leave such parameters out, set `drop_params: true` in "
                                "litellm_settings or in this model's litellm_params.",
                                e->text);
    if (x->started)
        answer_break(c, &err);
    else
        reply_error(x, &err);
}

/* Servers that complete prompts are asked so; OpenAI's own chat models refuse it. */
static bool takes_prompts(const struct call *c)
{
    static const char *const prompted[] = { "instruct", "davinci", "babbage" };
    if (c->dep->dialect != DIALECT_OPENAI_CHAT || c->dep->local || c->dep->quirks & QUIRK_CHAT_ONLY)
        return false;
    for (size_t i = 0; i < COUNT_OF(prompted); i++)
        if (str_contains(c->step.model, str_c(prompted[i])))
            return true;
    return !(c->dep->quirks & QUIRK_OPENAI);
}

/* ---- media by URL, for vendors that take bytes ---- */

enum { FETCH_MS = 10 * 1000, FETCH_MB = 50 };

static struct fetch_rules fetch_rules(const struct config *config)
{
    uint64_t mb = FETCH_MB; /* LiteLLM's variable and default */
    str given = str_c(config_getenv(config, "MAX_IMAGE_URL_DOWNLOAD_SIZE_MB"));
    if (str_to_u64(given, &mb) && mb > 1024)
        mb = 1024;
    return (struct fetch_rules){ .any_host = !config->user_url_validation,
                                 .allowed_hosts = config->user_url_allowed_hosts,
                                 .bytes_max = (size_t)mb * 1024 * 1024,
                                 .timeout_ms = FETCH_MS };
}

static void send_attempt(struct call *c);

static void fetched_all(void *arg, rc result, const struct err *err)
{
    struct call *c = arg;
    c->try->fetch = NULL;
    c->waiting = false;
    if (FAILED(result))
        bad_request(c, result, err);
    else
        send_attempt(c);
}

/* Nothing has been sent yet; true: the attempt goes on, or the call is over, in a while. */
static bool fetches_first(struct call *c)
{
    struct exchange *x = c->x;
    struct err e = { 0 };
    if (c->op || c->dep->local || c->asks == c->out || !c->out->needs_bytes ||
        FAILED(call_parse(c, &e)) || !fetch_needed(c->try->req, c->out, c->try->fetched))
        return false;
    struct fetch_rules rules = fetch_rules(x->snap->config);
    c->reported = true; /* the deployment has nothing to do with it */
    c->try->fetch = fetch_start(&x->sw->w, c->try->req, c->out, &rules, &c->try->fetched,
                                &x->scratch, fetched_all, c, &e);
    if (!c->try->fetch) {
        bad_request(c, RC(E_SYNTAX), &e);
        return true;
    }
    c->waiting = true; /* the fetch has a clock of its own: ours is for signs of life */
    c->resume_ms = exchange_now_ms(x) + 2 * FETCH_MS;
    call_arm(c);
    return true;
}

static void send_attempt(struct call *c)
{
    struct exchange *x = c->x;
    struct err e = { 0 };
    c->dep = c->step.deployment;
    c->out = dialect_get(c->dep->dialect);
    if (c->in->id == DIALECT_OPENAI_TEXT && takes_prompts(c))
        c->out = c->in;
    c->up_stream = c->stream;
    if (fetches_first(c))
        return;
    c->attempts++;
    c->fallbacks = (uint16_t)c->step.fallbacks;
    c->reported = false;
    answer_reset(c);
    if (c->attempts > 1)
        stat_add(x->sw->server->stats.upstream_retries, 1);
    c->sent_ns = clock_mono_ns();
    c->head_ns = 0;
    c->sent_ms = c->last_ms = exchange_now_ms(x);
    route_begin(c->dep);
    rc r = c->op ? operation_check(c, &e) : c->dep->local ? call_parse(c, &e) : RC_OK;
    bool here = operation_is_here(c);
    if (!FAILED(r) && !c->dep->local && !here)
        r = call_send(c, &e);
    if (FAILED(r)) {
        route_report(c->dep, &(struct route_outcome){ .failure = ROUTE_OK_NEUTRAL }, c->last_ms);
        c->reported = true;
        bad_request(c, r, &e);
        return;
    }
    if (here) {
        answer_here(c);
        return;
    }
    if (c->dep->local) {
        local_answer(c);
        return;
    }
    exchange_move(x, X_WAIT);
    call_arm(c);
}

static void final_error(struct call *c)
{
    struct exchange *x = c->x;
    struct chat_error err =
        c->last_error
            ? *c->last_error
            : (struct chat_error){ .status = 502, .kind = ERR_BAD_GATEWAY, .retry_after_ms = -1 };
    chat_error_complete(&err, &x->arena);
    if (c->attempts > 1)
        err.message = arena_fmt(&x->arena, "%.*s (after %u attempts%s)", STRF(err.message),
                                c->attempts, c->fallbacks ? ", fallbacks included" : "");
    if (x->started)
        answer_break(c, &err);
    else
        reply_error(x, &err);
}

static void no_deployment(struct call *c)
{
    struct exchange *x = c->x;
    int64_t wait_ms = c->step.retry_after_ms > 0 ? c->step.retry_after_ms : 5000;
    struct chat_error err = {
        .status = 429,
        .kind = ERR_RATE_LIMIT,
        .type = S("throttling_error"),
        .message = arena_fmt(&x->arena,
                             "No deployments available for selected model, Try again in %lld "
                             "seconds. Passed model=%.*s.",
                             (long long)(wait_ms + 999) / 1000, STRF(c->model_shown)),
        .retry_after_ms = wait_ms,
    };
    call_keep_error(c, &err);
    final_error(c);
}

/* enable_pre_call_checks: nobody was asked. */
static void too_long(struct call *c)
{
    const int64_t *counted = c->try->prompt_tokens;
    struct chat_error err = {
        .status = 400,
        .kind = ERR_CONTEXT_WINDOW,
        .type = S("invalid_request_error"),
        .code = S("context_length_exceeded"),
        .param = S("messages"),
        .message = arena_fmt(&c->x->arena,
                             "The prompt has about %lld tokens, more than any deployment of "
                             "model=%.*s takes (model_info.max_input_tokens). Shorten it, or "
                             "configure context_window_fallbacks.",
                             (long long)(counted[0] > counted[1] ? counted[0] : counted[1]),
                             STRF(c->model_shown)),
        .retry_after_ms = -1,
    };
    call_keep_error(c, &err);
    final_error(c);
}

static void next_attempt(struct call *c)
{
    struct exchange *x = c->x;
    enum plan_result r =
        plan_next(&c->try->plan, exchange_now_ms(x), server_random(x->sw), &c->step);
    switch (r) {
    case PLAN_TRY:
        if (c->step.delay_ms) {
            c->waiting = true;
            c->resume_ms = exchange_now_ms(x) + c->step.delay_ms;
            call_arm(c);
            return;
        }
        send_attempt(c);
        return;
    case PLAN_NONE:
        if (c->upgrade && c->step.retry_after_ms < 0)
            realtime_none(c); /* nobody is cooling down either */
        else
            no_deployment(c);
        return;
    case PLAN_LONG:
        too_long(c);
        return;
    case PLAN_END:
        final_error(c);
        return;
    }
}

static void report(struct call *c, enum route_failure failure, unsigned status,
                   enum chat_error_kind error, int64_t retry_after_ms)
{
    if (c->reported)
        return;
    c->reported = true;
    struct route_outcome o = {
        .failure = failure,
        .status = status,
        .error = error,
        .retry_after_ms = retry_after_ms,
        .latency_ms = (uint32_t)((clock_mono_ns() - c->sent_ns) / 1000000),
    };
    route_report(c->dep, &o, exchange_now_ms(c->x));
}

void call_attempt_ok(struct call *c)
{
    report(c, ROUTE_OK, c->upstream_status, ERR_SERVER, -1);
}

void call_attempt_broke(struct call *c, const struct chat_error *err)
{
    if (c->reported) /* it had been counted as good: its health learns otherwise */
        route_report_late(c->dep, ROUTE_FAIL_TRUNCATED, exchange_now_ms(c->x));
    else
        report(c, ROUTE_FAIL_TRUNCATED, 502, ERR_BAD_GATEWAY, -1);
}

void call_attempt_failed(struct call *c, enum route_failure kind, const struct chat_error *err)
{
    struct exchange *x = c->x;
    call_keep_error(c, err);
    report(c, kind, err->status, err->kind, err->retry_after_ms);
    struct route_outcome o = { .failure = kind,
                               .status = err->status,
                               .error = err->kind,
                               .retry_after_ms = err->retry_after_ms };
    plan_failed(&c->try->plan, &o, exchange_now_ms(x));
    answer_free(c);
    if (x->state != X_ROUTE)
        exchange_move(x, X_ROUTE);
    next_attempt(c);
}

/* ---- time
 * ---------------------------------------------------------------------------------------- */

static void due(struct deadline *d);

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* When the present attempt is given up: by its whole time, or by its first frame. */
static uint64_t give_up_ms(const struct call *c)
{
    uint64_t usual = c->upgrade ? HANDSHAKE_MS : TIMEOUT_MS;
    uint64_t whole = c->step.timeout_ms ? c->step.timeout_ms : usual;
    if (c->committed)
        return c->last_ms + (c->dep->entry && c->dep->entry->stream_idle_ms > 0
                                 ? (uint64_t)c->dep->entry->stream_idle_ms
                                 : whole); /* a running stream is given up for silence only */
    if (c->stream && c->step.stream_timeout_ms)
        whole = least(whole, c->step.stream_timeout_ms);
    return c->sent_ms + whole;
}

/* The rhythm of signs of life: the deployment's, the config's, or ours; 0: none. */
static uint64_t keepalive_rhythm(const struct call *c)
{
    int64_t configured = c->x->snap->config->sse_keepalive_ms;
    if (c->dep && c->dep->entry && c->dep->entry->keepalive_ms > 0)
        return (uint64_t)c->dep->entry->keepalive_ms;
    return configured != CHAT_UNSET ? (uint64_t)configured : c->x->sw->server->opt.keepalive_ms;
}

/* When a silent stream's client wants a sign of life. */
static uint64_t keepalive_ms(const struct call *c)
{
    uint64_t rhythm = keepalive_rhythm(c), patience = c->x->sw->server->opt.patience_ms;
    if (!c->stream || c->op || !rhythm || !c->in->write_keepalive ||
        (c->relay && c->relay->finished))
        return UINT64_MAX;
    return c->x->started ? c->client_ms + rhythm : c->begin_ms + least(patience, rhythm);
}

void call_arm(struct call *c)
{
    uint64_t now = exchange_now_ms(c->x);
    uint64_t at = least(keepalive_ms(c), c->waiting ? c->resume_ms : give_up_ms(c));
    if (c->paused) { /* it is the client who is slow: see answer_drained */
        deadline_clear(&c->x->sw->w.deadlines, &c->x->deadline);
        return;
    }
    deadline_set(&c->x->sw->w.deadlines, &c->x->deadline, at > now ? at - now : 0, due);
}

static void timed_out(struct call *c)
{
    struct exchange *x = c->x;
    uint64_t waited = exchange_now_ms(x) - (c->committed ? c->last_ms : c->sent_ms);
    struct chat_error err = {
        .status = 408,
        .kind = ERR_TIMEOUT,
        .type = S("invalid_request_error"),
        .message = arena_fmt(&x->arena, "The upstream did not answer in time: %s for %llu.%llu s.",
                             c->committed ? "its stream was silent" : "no answer",
                             (unsigned long long)(waited / 1000),
                             (unsigned long long)(waited % 1000 / 100)),
        .retry_after_ms = -1,
    };
    if (c->in_flight)
        client_cancel(&c->client);
    c->in_flight = false;
    if (c->committed) {
        call_attempt_broke(c, &err);
        answer_break(c, &err);
    } else {
        call_attempt_failed(c, ROUTE_FAIL_TIMEOUT, &err);
    }
}

/* The one deadline of a call: whatever is due is done, then it is set for the next. */
static void due(struct deadline *d)
{
    struct exchange *x = CONTAINER_OF(d, struct exchange, deadline);
    struct call *c = x->call;
    uint64_t now = exchange_now_ms(x);
    if (!c->paused && keepalive_ms(c) <= now)
        answer_keepalive(c);
    if (c->waiting && c->resume_ms <= now) {
        c->waiting = false;
        send_attempt(c);
        return;
    }
    if (!c->waiting && !c->paused && give_up_ms(c) <= now) {
        timed_out(c);
        return;
    }
    call_arm(c);
}

/* ---- the end
 * --------------------------------------------------------------------------------------- */

void call_client_drained(struct call *c)
{
    if (c->tunnel)
        tunnel_client_drained(c);
    else
        answer_drained(c);
}

const struct chat_usage call_no_usage = { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, false };

void call_keep_usage(struct call *c, const struct chat_usage *u)
{
    struct chat_usage *copy = NEW(&c->x->arena, struct chat_usage, 1);
    *copy = *u;
    c->usage = copy;
}

static str masked(struct call *c, str text)
{
    str copy = arena_dup(&c->x->arena, text);
    if (c->dep)
        deployment_mask(c->dep, copy);
    return copy;
}

struct chat_error call_masked_error(struct call *c, const struct chat_error *err)
{
    struct chat_error copy = *err;
    copy.message = masked(c, err->message);
    copy.type = masked(c, err->type);
    copy.code = masked(c, err->code);
    copy.param = masked(c, err->param);
    return copy;
}

void call_keep_error(struct call *c, const struct chat_error *err)
{
    struct arena *a = &c->x->arena;
    if (err == c->last_error)
        return;
    if (!c->last_error)
        c->last_error = NEW(a, struct chat_error, 1);
    /* An error inside a stream lives no longer than its event. */
    *c->last_error = call_masked_error(c, err);
}

void call_drop_bodies(struct call *c)
{
    if (!c->try)
        return;
    server_give_buf(c->x->sw, &c->try->body);
}

void call_drop_request(struct call *c)
{
    struct exchange *x = c->x;
    exchange_drop_request(x);
    call_drop_bodies(c);
    if (c->translation)
        c->translation->ctx.req = NULL; /* its stream has begun: see dialect.h */
    c->try = NULL;
    c->step.model = arena_dup(&x->arena, c->step.model); /* for the price and the log */
    x->asked = NULL;
    server_end_scratch(x->sw, &x->scratch);
}

void call_price(struct call *c)
{
    if (!c->usage->seen || !c->dep)
        return;
    struct price price = deployment_price(c->dep, c->step.model);
    c->cost_nanousd = price_cost_nanousd(&price, c->usage);
}

static void count(struct call *c)
{
    struct stats *stats = &c->x->sw->server->stats;
    if (c->dep)
        route_count_usage(c->dep, c->usage, c->cost_nanousd);
    if (c->usage->prompt > 0)
        stat_add(stats->tokens_in, (unsigned long long)c->usage->prompt);
    if (c->usage->completion > 0)
        stat_add(stats->tokens_out, (unsigned long long)c->usage->completion);
    if (c->cost_nanousd > 0)
        stat_add(stats->cost_nanousd, (unsigned long long)c->cost_nanousd);
    if (c->counted_stream)
        stat_add(stats->streams, -1);
}

void call_settle(struct call *c)
{
    if (c->in_flight)
        client_cancel(&c->client); /* the client has left: the upstream stops at once */
    c->in_flight = false;
    if (c->try && c->try->fetch)
        fetch_cancel(c->try->fetch);
    if (c->translation && !c->usage->seen)
        c->usage = &c->translation->stream.usage;
    left_out_settle(c);
    if (c->cost_nanousd < 0)
        call_price(c);
    if (c->dep && !c->reported)
        report(c, ROUTE_OK_NEUTRAL, 0, ERR_SERVER, -1);
    count(c);
    answer_free(c);
    tunnel_free(c);
    call_drop_bodies(c);
}

void call_describe(const struct call *c, struct access_record *r)
{
    r->model = c->model_shown;
    r->stream = c->stream;
    r->attempts = c->attempts;
    r->fallbacks = c->fallbacks;
    r->prompt_tokens = c->usage->prompt;
    r->completion_tokens = c->usage->completion;
    r->cached_tokens = c->usage->cache_read;
    r->reasoning_tokens = c->usage->reasoning;
    r->cost_nanousd = c->cost_nanousd;
    if (!c->dep)
        return;
    r->group = c->dep->group_name;
    r->provider = c->dep->provider_name;
    r->upstream_model = c->step.model;
    r->deployment = c->dep->id;
    if (c->head_ns)
        r->upstream_us = (int64_t)(c->head_ns - c->sent_ns) / 1000;
}

static void field_u64(struct buf *out, str name, uint64_t v)
{
    buf_add(out, name);
    buf_u64(out, v);
    buf_add(out, S("\r\n"));
}

static void field_fixed(struct buf *out, str name, uint64_t v, unsigned digits)
{
    buf_add(out, name);
    buf_fixed(out, v, digits);
    buf_add(out, S("\r\n"));
}

/* The names may be the client's own: as it wrote them they could end the field, or the head. */
static void field_dropped(struct buf *out, const struct chat_str *dropped)
{
    enum { NAME_BYTES_MAX = 64 };
    buf_add(out, S("x-sluice-dropped-params: "));
    for (const struct chat_str *s = dropped; s; s = s->next) {
        str name = str_take(s->s, NAME_BYTES_MAX);
        if (s != dropped)
            buf_add(out, S(", "));
        for (size_t i = 0; i < name.n; i++)
            buf_chr(out, name.p[i] > 0x20 && name.p[i] < 0x7f ? name.p[i] : '?');
    }
    buf_add(out, S("\r\n"));
}

void call_reply_fields(const struct call *c, struct buf *out)
{
    buf_add(out, S("x-litellm-version: sluice-" SLUICE_VERSION "\r\n"));
    if (c->dep) {
        buf_add(out, c->dep->reply_fields); /* model-id, model-group, api-base: made at load */
        field_u64(out, S("x-litellm-attempted-retries: "), c->attempts ? c->attempts - 1 : 0);
        field_u64(out, S("x-litellm-attempted-fallbacks: "), c->fallbacks);
    }
    if (c->cost_nanousd >= 0)
        field_fixed(out, S("x-litellm-response-cost: "), (uint64_t)c->cost_nanousd, 9);
    uint64_t now = clock_mono_ns();
    uint64_t whole_us = (now - c->x->start_ns) / 1000;
    field_fixed(out, S("x-litellm-response-duration-ms: "), whole_us, 3);
    if (c->head_ns)
        field_fixed(out, S("x-litellm-overhead-duration-ms: "),
                    whole_us - (c->head_ns - c->sent_ns) / 1000, 3);
    if (c->try && c->try->loss.dropped)
        field_dropped(out, c->try->loss.dropped);
    buf_add(out, c->reply_fields);
}
