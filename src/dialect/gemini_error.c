/* Errors: google.rpc.Status in JSON, both ways. */
#include "dialect/gemini_internal.h"

static const struct {
    const char *status;
    unsigned http;
    enum chat_error_kind kind;
} statuses[] = {
    /* The first row of a kind is what it is written as. */
    { "INVALID_ARGUMENT", 400, ERR_INVALID_REQUEST },
    { "INVALID_ARGUMENT", 400, ERR_CONTEXT_WINDOW },
    { "INVALID_ARGUMENT", 400, ERR_CONTENT_POLICY },
    { "INVALID_ARGUMENT", 413, ERR_TOO_LARGE },
    { "INVALID_ARGUMENT", 422, ERR_UNPROCESSABLE },
    { "OUT_OF_RANGE", 400, ERR_INVALID_REQUEST },
    { "FAILED_PRECONDITION", 403, ERR_PERMISSION }, /* region or billing: comes as 400 */
    { "UNAUTHENTICATED", 401, ERR_AUTH },
    { "PERMISSION_DENIED", 403, ERR_PERMISSION },
    { "PERMISSION_DENIED", 402, ERR_BILLING },
    { "NOT_FOUND", 404, ERR_NOT_FOUND },
    { "ABORTED", 409, ERR_CONFLICT },
    { "ALREADY_EXISTS", 409, ERR_CONFLICT },
    { "RESOURCE_EXHAUSTED", 429, ERR_RATE_LIMIT },
    { "RESOURCE_EXHAUSTED", 429, ERR_QUOTA },
    { "CANCELLED", 499, ERR_INVALID_REQUEST },
    { "INTERNAL", 500, ERR_SERVER },
    { "UNKNOWN", 500, ERR_SERVER },
    { "DATA_LOSS", 500, ERR_SERVER },
    { "UNIMPLEMENTED", 501, ERR_SERVER },
    { "UNAVAILABLE", 503, ERR_UNAVAILABLE },
    { "UNAVAILABLE", 502, ERR_BAD_GATEWAY },
    { "UNAVAILABLE", 529, ERR_OVERLOADED },
    { "DEADLINE_EXCEEDED", 504, ERR_TIMEOUT },
};

/* "34.5s" in milliseconds, rounded up; -1 if it is no duration. */
static int64_t duration_ms(str s)
{
    double seconds;
    if (!str_ends(s, S("s")) || !str_to_double(str_take(s, s.n - 1), &seconds) || seconds < 0 ||
        seconds > 1e6)
        return -1;
    double ms = seconds * 1000;
    int64_t whole = (int64_t)ms;
    return whole + ((double)whole < ms);
}

static void read_details(struct chat_error *err, jval *details)
{
    JD_EACH (d, details) {
        str type = jd_get_str(d.value, S("@type"));
        if (str_ends(type, S("RetryInfo")))
            err->retry_after_ms = duration_ms(jd_get_str(d.value, S("retryDelay")));
        str reason = jd_get_str(d.value, S("reason"));
        if (str_ends(type, S("ErrorInfo")) && reason.n)
            err->code = reason;
        JD_EACH (v, jd_get(d.value, S("violations")))
            if (str_contains(jd_get_str(v.value, S("quotaId")), S("PerDay")))
                err->kind = ERR_QUOTA;
    }
    if (str_eq(err->code, S("API_KEY_INVALID"))) {
        err->kind = ERR_AUTH;
        err->status = err->status ? 401 : 0;
    }
}

/* The object with code, message, status. */
static void read_status(struct chat_error *ret, unsigned status, jval *error, struct arena *a)
{
    int64_t code = gemini_i64(jd_get(error, S("code")), 0);
    unsigned http = status >= 400 ? status : code >= 400 && code <= 599 ? (unsigned)code : 0;
    *ret = (struct chat_error){ .status = status, .retry_after_ms = -1 };
    ret->message = arena_dup(a, jd_get_str(error, S("message")));
    ret->type = arena_dup(a, jd_get_str(error, S("status")));
    ret->kind = http ? chat_error_kind_of(http) : ERR_SERVER;
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        if (!str_eq(ret->type, str_c(statuses[i].status)))
            continue;
        if (http == 0 || statuses[i].kind == ERR_PERMISSION)
            ret->kind = statuses[i].kind;
        if (statuses[i].kind == ERR_PERMISSION && status)
            ret->status = 403;
        break;
    }
    read_details(ret, jd_get(error, S("details")));
    ret->code = arena_dup(a, ret->code);
    chat_error_complete(ret, a);
}

bool gemini_find_error(struct chat_error *ret, unsigned status, jval *body, struct arena *a)
{
    if (jd_is_arr(body))
        body = jd_at(body, 0);
    jval *error = jd_get(body, S("error"));
    if (!jd_is_obj(error))
        return false;
    read_status(ret, status, error, a);
    return true;
}

/* A page in place of an answer: its title says the most. */
static str page_title(str body)
{
    for (size_t i = 0; i + 7 < body.n; i++) {
        if (!str_istarts(str_skip(body, i), S("<title>")))
            continue;
        str title = str_skip(body, i + 7);
        return str_trim(str_take(title, str_index(title, '<')));
    }
    return (str){ 0 };
}

void gemini_read_error(struct chat_error *ret, unsigned status, str body, struct arena *a)
{
    enum { TEXT_MAX = 2000, TITLE_WITHIN = 4096 };
    jval *tree = NULL;
    bool json = jd_read(&tree, body, a, NULL).code == OK;
    if (json && gemini_find_error(ret, status, tree, a))
        return;
    *ret = (struct chat_error){ .status = status,
                                .kind = chat_error_kind_of(status),
                                .retry_after_ms = -1 };
    str text = str_trim(body);
    if (json) {
        static const str names[] = { { "error", 5 }, { "message", 7 }, { "detail", 6 } };
        text = jd_str(tree);
        for (size_t i = 0; text.n == 0 && i < COUNT_OF(names); i++)
            text = jd_get_str(tree, names[i]);
    } else if (str_starts(text, S("<"))) {
        text = page_title(str_take(text, TITLE_WITHIN));
    }
    ret->message = arena_dup(a, str_take(text, TEXT_MAX));
    chat_error_complete(ret, a);
}

static void write_status(struct buf *out, const struct chat_error *err)
{
    const char *name = "INTERNAL";
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        if (statuses[i].kind == err->kind) {
            name = err->kind == ERR_PERMISSION ? "PERMISSION_DENIED" : statuses[i].status;
            break;
        }
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kobj(&w, S("error"));
    jw_ki64(&w, S("code"), err->status >= 400 ? err->status : chat_error_status(err->kind));
    jw_kstr(&w, S("message"), err->message);
    jw_kstr(&w, S("status"), str_c(name));
    if (err->retry_after_ms >= 0) {
        char delay[32];
        snprintf(delay, sizeof(delay), "%llds", (long long)((err->retry_after_ms + 999) / 1000));
        jw_karr(&w, S("details"));
        jw_obj(&w);
        jw_kstr(&w, S("@type"), S("type.googleapis.com/google.rpc.RetryInfo"));
        jw_kstr(&w, S("retryDelay"), str_c(delay));
        jw_obj_end(&w);
        jw_arr_end(&w);
    }
    jw_obj_end(&w);
    jw_obj_end(&w);
}

void gemini_write_error(struct buf *out, const struct chat_error *err, struct arena *a)
{
    (void)a;
    write_status(out, err);
}

void gemini_write_stream_error(struct buf *out, const struct chat_error *err)
{
    buf_add(out, S("data: "));
    write_status(out, err);
    buf_add(out, S("\r\n\r\n"));
}
