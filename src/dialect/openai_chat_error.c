/* Errors: every shape that OpenAI-like servers answer with, and the one that we answer with. */
#include "dialect/openai_chat_internal.h"

enum { PLAIN_TEXT_BYTES_MAX = 2000 };

/* ---- reading -------------------------------------------------------------------------------- */

/* Words that stand for a status where an error comes without one (in streams, or under 200). */
static const struct {
    const char *word;
    unsigned status;
} words[] = {
    { "invalid_request_error", 400 },
    { "authentication_error", 401 },
    { "permission_error", 403 },
    { "permission_denied", 403 },
    { "not_found_error", 404 },
    { "model_not_found", 404 },
    { "insufficient_quota", 429 },
    { "rate_limit_error", 429 },
    { "rate_limit_exceeded", 429 },
    { "throttling_error", 429 },
    { "requests", 429 },
    { "tokens", 429 },
    { "overloaded_error", 529 },
    { "service_unavailable_error", 503 },
    { "slow_down", 503 },
    { "timeout_error", 504 },
    { "request_timeout", 504 },
    { "timeout", 504 },
    { "server_error", 500 },
    { "api_error", 500 },
    { "internal_server_error", 500 },
    { "internal_error", 500 },
    { "context_length_exceeded", 400 },
    { "content_filter", 400 },
    { "tool_use_failed", 400 },
    { "UNAVAILABLE", 503 },
    { "RESOURCE_EXHAUSTED", 429 },
    { "INVALID_ARGUMENT", 400 },
    { "BadRequestError", 400 },
    { "NotFoundError", 404 },
    { "InternalServerError", 500 },
    { "overloaded", 429 },
};

static unsigned status_of_word(str word)
{
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_eq(word, str_c(words[i].word)))
            return words[i].status;
    return 0;
}

/* A string, or whatever it is as JSON text; empty for null and nothing. */
static str text_or_json(jval *v, struct arena *a)
{
    if (jd_is_str(v))
        return jd_str(v);
    return jd_given(v) ? jd_text(v, a) : (str){ 0 };
}

static jval *first_of(jval *v, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        jval *found = jd_get(v, str_c(names[i]));
        if (jd_given(found))
            return found;
    }
    return NULL;
}

/* {"detail": [{"loc": ["body","messages"], "msg": "field required"}]} as one sentence. */
static str details_text(jval *list, struct arena *a)
{
    enum { SHOWN = 8 };
    str all = { 0 };
    JD_EACH (item, list) {
        if (item.index >= SHOWN)
            break;
        str where = { 0 };
        JD_EACH (step, jd_get(item.value, S("loc"))) {
            if (step.index >= SHOWN)
                break;
            str word = jd_is_str(step.value) ? jd_str(step.value) : jd_num(step.value);
            where = where.n ? arena_fmt(a, "%.*s.%.*s", STRF(where), STRF(word)) : word;
        }
        jval *msg = jd_get(item.value, S("msg"));
        str what = text_or_json(msg ? msg : item.value, a);
        str one = where.n ? arena_fmt(a, "%.*s: %.*s", STRF(where), STRF(what)) : what;
        all = all.n ? arena_fmt(a, "%.*s; %.*s", STRF(all), STRF(one)) : one;
    }
    return all;
}

static str message_of(jval *v, struct arena *a)
{
    static const char *const names[] = { "message", "msg",     "error_message", "status_msg",
                                         "detail",  "Message", "error",         "errors" };
    for (int depth = 0; depth < 4; depth++) { /* a message may be an object with a message ... */
        if (jd_is_str(v))
            return jd_str(v);
        if (jd_is_arr(v))
            return details_text(v, a);
        jval *inner = first_of(v, names, COUNT_OF(names));
        if (!inner)
            return depth ? text_or_json(v, a) : (str){ 0 };
        v = inner;
    }
    return text_or_json(v, a);
}

/* The number inside `code` and the like, if it can be an HTTP status. */
static unsigned status_in(jval *v)
{
    static const char *const names[] = { "code", "http_status_code", "status_code", "status" };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        jval *found = jd_get(v, str_c(names[i]));
        int64_t n = jd_i64_or(found, 0);
        uint64_t spelled = 0;
        if (jd_is_str(found) && str_to_u64(jd_str(found), &spelled) && spelled < 600)
            n = (int64_t)spelled;
        if (n >= 400 && n <= 599)
            return (unsigned)n;
    }
    return 0;
}

/* OpenRouter says "Provider returned error" and hides what that provider said in metadata.raw. */
static void add_hidden_text(struct chat_error *ret, jval *v, struct arena *a)
{
    str raw = str_trim(jd_str(jd_path(v, "metadata", "raw", NULL)));
    if (raw.n)
        ret->message = arena_fmt(a, "%.*s: %.*s", STRF(ret->message),
                                 STRF(str_take(raw, PLAIN_TEXT_BYTES_MAX)));
}

void openai_error_from(struct chat_error *ret, unsigned status, jval *v, struct arena *a)
{
    static const char *const types[] = { "type", "status", "error_type" };
    static const char *const codes[] = { "code", "error_code", "status_code" };
    jval *code = first_of(v, codes, COUNT_OF(codes));
    *ret = (struct chat_error){ .retry_after_ms = -1 };
    ret->message = message_of(v, a);
    ret->type = jd_str(first_of(v, types, COUNT_OF(types)));
    ret->code = jd_is_str(code) ? jd_str(code) : jd_num(code);
    ret->param = jd_get_str(v, S("param"));
    add_hidden_text(ret, v, a);
    if (status < 400) {
        status = status_in(v);
        if (!status)
            status = status_of_word(ret->code);
        if (!status)
            status = status_of_word(ret->type);
    }
    ret->status = status;
    ret->kind = status ? chat_error_kind_of(status) : ERR_BAD_GATEWAY;
    chat_error_complete(ret, a);
}

bool openai_is_error(jval *v)
{
    jval *error = jd_get(v, S("error"));
    if (jd_is_obj(error) || (jd_is_str(error) && jd_str(error).n))
        return true;
    if (jd_is_true(error))
        return true;
    if (jd_get(v, S("choices")))
        return false;
    int64_t base = jd_i64_or(jd_path(v, "base_resp", "status_code", NULL), 0);
    return base != 0 || jd_str_is(jd_get(v, S("object")), S("error")) ||
           jd_str_is(jd_get(v, S("type")), S("error")) || jd_given(jd_get(v, S("detail"))) ||
           jd_count(jd_get(v, S("errors"))) > 0;
}

/* An error page in a line: its title, or nothing. */
static str html_text(str body, unsigned status, struct arena *a)
{
    str head = str_take(body, 4096);
    for (size_t i = 0; i + 7 < head.n; i++) {
        str rest = str_skip(head, i);
        if (!str_istarts(rest, S("<title")))
            continue;
        rest = str_skip(rest, str_index(rest, '>') + 1);
        str title = str_trim(str_take(rest, str_index(rest, '<')));
        if (title.n)
            return arena_fmt(a, "Provider returned HTTP %u: %.*s", status, STRF(title));
    }
    return (str){ 0 };
}

static bool looks_like_html(str body)
{
    return body.n && body.p[0] == '<';
}

/* The object that tells most: the inner one of {"error":{...}}, the first of an array. */
static jval *error_object(jval *body)
{
    if (jd_is_arr(body))
        body = jd_at(body, 0);
    static const char *const inner[] = { "error", "base_resp" };
    jval *found = first_of(body, inner, COUNT_OF(inner));
    if (!jd_is_obj(found) && jd_is_arr(jd_get(body, S("errors"))))
        found = jd_at(jd_get(body, S("errors")), 0);
    if (!jd_is_obj(found) && jd_is_obj(jd_get(body, S("detail"))))
        found = jd_get(body, S("detail"));
    return jd_is_obj(found) ? found : body;
}

void openai_read_error(struct chat_error *ret, unsigned status, str body, struct arena *a)
{
    jval *v = NULL;
    struct err e;
    body = str_trim(body);
    if (!FAILED(jd_read(&v, body, a, &e)) && (jd_is_obj(v) || jd_is_arr(v))) {
        openai_error_from(ret, status, error_object(v), a);
        return;
    }
    *ret = (struct chat_error){ .status = status,
                                .kind = chat_error_kind_of(status),
                                .retry_after_ms = -1 };
    if (jd_is_str(v))
        ret->message = jd_str(v);
    else if (looks_like_html(body))
        ret->message = html_text(body, status, a);
    else
        ret->message = arena_dup(a, str_take(body, PLAIN_TEXT_BYTES_MAX));
    chat_error_complete(ret, a);
}

/* ---- writing -------------------------------------------------------------------------------- */

/* LiteLLM's words. */
static const char *const type_words[] = {
    [ERR_INVALID_REQUEST] = "invalid_request_error",
    [ERR_CONTEXT_WINDOW] = "invalid_request_error",
    [ERR_CONTENT_POLICY] = "invalid_request_error",
    [ERR_AUTH] = "authentication_error",
    [ERR_BILLING] = "insufficient_quota",
    [ERR_PERMISSION] = "permission_error",
    [ERR_NOT_FOUND] = "invalid_request_error",
    [ERR_TIMEOUT] = "invalid_request_error",
    [ERR_CONFLICT] = "invalid_request_error",
    [ERR_TOO_LARGE] = "invalid_request_error",
    [ERR_UNPROCESSABLE] = "invalid_request_error",
    [ERR_RATE_LIMIT] = "throttling_error",
    [ERR_QUOTA] = "insufficient_quota",
    [ERR_SERVER] = "internal_server_error",
    [ERR_BAD_GATEWAY] = "internal_server_error",
    [ERR_UNAVAILABLE] = "internal_server_error",
    [ERR_OVERLOADED] = "internal_server_error",
};

/* Words that look like OpenAI's or the gateway's own pass; RESOURCE_EXHAUSTED and BadRequestError
 * mean nothing to an OpenAI client. */
bool openai_is_word(str word)
{
    for (size_t i = 0; i < word.n; i++)
        if (!((word.p[i] >= 'a' && word.p[i] <= 'z') || word.p[i] == '_'))
            return false;
    return word.n > 0;
}

static void write_body(struct jw *w, const struct chat_error *err, bool own_code)
{
    unsigned status = err->status >= 400 ? err->status : chat_error_status(err->kind);
    char digits[16];
    int n = snprintf(digits, sizeof(digits), "%u", status);
    str code = { digits, n > 0 ? (size_t)n : 0 };
    jw_obj(w);
    jw_kobj(w, S("error"));
    jw_kstr(w, S("message"), err->message);
    jw_kstr(w, S("type"), openai_is_word(err->type) ? err->type : str_c(type_words[err->kind]));
    if (err->param.n)
        jw_kstr(w, S("param"), err->param);
    else
        jw_knull(w, S("param"));
    own_code = own_code && openai_is_word(err->code);
    jw_kstr(w, S("code"), own_code ? err->code : code);
    if (err->code.n && !own_code && !str_eq(err->code, code)) {
        jw_kobj(w, S("provider_specific_fields"));
        jw_kstr(w, S("code"), err->code);
        jw_obj_end(w);
    }
    jw_obj_end(w);
    jw_obj_end(w);
}

void openai_write_error(struct buf *out, const struct chat_error *err, struct arena *a)
{
    struct jw w;
    jw_init(&w, out);
    write_body(&w, err, false);
}

void openai_write_coded_error(struct buf *out, const struct chat_error *err, struct arena *a)
{
    struct jw w;
    (void)a;
    jw_init(&w, out);
    write_body(&w, err, true);
}

/* No `choices` beside it, or clients take it for an answer. */
void openai_write_stream_error(struct buf *out, const struct chat_error *err)
{
    struct jw w;
    buf_add(out, S("data: "));
    jw_init(&w, out);
    write_body(&w, err, false);
    buf_add(out, S("\n\n"));
}
