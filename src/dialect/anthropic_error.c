/* anthropic_error.c - errors in Anthropic's shape, and those that come in its place.
 */
#include "dialect/anthropic_internal.h"

static const struct {
    const char *type;
    enum chat_error_kind kind;
} types[] = {
    /* The first row of a kind is how it is written. */
    { "invalid_request_error", ERR_INVALID_REQUEST },
    { "invalid_request_error", ERR_CONTEXT_WINDOW },
    { "invalid_request_error", ERR_CONTENT_POLICY },
    { "invalid_request_error", ERR_UNPROCESSABLE },
    { "authentication_error", ERR_AUTH },
    { "billing_error", ERR_BILLING },
    { "permission_error", ERR_PERMISSION },
    { "not_found_error", ERR_NOT_FOUND },
    { "timeout_error", ERR_TIMEOUT },
    { "conflict_error", ERR_CONFLICT },
    { "request_too_large", ERR_TOO_LARGE },
    { "rate_limit_error", ERR_RATE_LIMIT },
    { "rate_limit_error", ERR_QUOTA },
    { "api_error", ERR_SERVER },
    { "api_error", ERR_BAD_GATEWAY },
    { "overloaded_error", ERR_UNAVAILABLE },
    { "overloaded_error", ERR_OVERLOADED },
};

static const char *type_of(enum chat_error_kind kind)
{
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (types[i].kind == kind)
            return types[i].type;
    return "api_error";
}

static bool kind_of(str type, enum chat_error_kind *ret)
{
    if (str_eq(type, S("overloaded_error"))) {
        *ret = ERR_OVERLOADED;
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (str_eq(type, str_c(types[i].type))) {
            *ret = types[i].kind;
            return true;
        }
    return false;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* What an HTML page says in its title, or else as it is. */
static str html_title(str body)
{
    for (size_t i = 0; i + 7 < body.n && i < 4096; i++) {
        if (!str_istarts(str_skip(body, i), S("<title>")))
            continue;
        str rest = str_skip(body, i + 7);
        return str_trim(str_take(rest, str_index(rest, '<')));
    }
    return (str){ 0 };
}

/* error (an object or a string), message, detail: wherever the text is. */
void anthropic_error_of(struct chat_error *ret, jval *body, struct arena *a)
{
    if (jd_is_arr(body))
        body = jd_at(body, 0);
    jval *error = jd_get(body, S("error"));
    jval *from = jd_is_obj(error) ? error : body;
    ret->message = jd_get_str(from, S("message"));
    if (!ret->message.n && jd_is_str(error))
        ret->message = jd_str(error);
    jval *detail = jd_get(from, S("detail"));
    if (!ret->message.n && jd_given(detail))
        ret->message = jd_is_str(detail) ? jd_str(detail) : jd_text(detail, a);
    if (!ret->message.n && jd_is_str(body))
        ret->message = jd_str(body);
    ret->type = jd_get_str(from, S("type"));
    ret->code = jd_path(from, "details", "error_code", NULL)
                    ? jd_str(jd_path(from, "details", "error_code", NULL))
                    : jd_get_str(from, S("code"));
    ret->param = jd_get_str(from, S("param"));
    enum chat_error_kind kind;
    /* The status knows better than "invalid_request_error", which is said of other 4xx as well. */
    if (kind_of(ret->type, &kind) &&
        (kind != ERR_INVALID_REQUEST || ret->status < 400 || ret->status == 400))
        ret->kind = kind;
    if (str_ends(ret->code, S("spend_limit_reached")))
        ret->kind = ERR_QUOTA;
}

void anthropic_read_error(struct chat_error *ret, unsigned status, str body, struct arena *a)
{
    *ret = (struct chat_error){ .status = status,
                                .kind = chat_error_kind_of(status),
                                .retry_after_ms = -1 };
    jval *v = NULL;
    if (!FAILED(jd_read(&v, body, a, NULL))) {
        anthropic_error_of(ret, v, a);
        if (!ret->message.n && jd_given(v))
            ret->message = arena_dup(a, str_trim(str_take(body, 4096)));
    } else {
        str text = str_trim(body);
        if (str_starts(text, S("<")))
            text = html_title(text);
        ret->message =
            str_is_utf8(str_take(text, 4096)) ? arena_dup(a, str_take(text, 4096)) : (str){ 0 };
    }
    chat_error_complete(ret, a);
}

/* ---- writing -------------------------------------------------------------------------------- */

/* Claude Code compacts a conversation when it reads these words. */
static void write_message(struct jw *w, const struct chat_error *err)
{
    jw_key(w, S("message"));
    jw_str_begin(w);
    if (err->kind == ERR_CONTEXT_WINDOW && !str_icontains(err->message, S("prompt is too long")))
        jw_str_add(w, S("prompt is too long: "));
    jw_str_add(w, err->message);
    jw_str_end(w);
}

static void write_body(struct buf *out, const struct chat_error *err, bool request_id)
{
    struct jw w;
    enum chat_error_kind kind;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstr(&w, S("type"), S("error"));
    jw_kobj(&w, S("error"));
    jw_kstr(&w, S("type"), kind_of(err->type, &kind) ? err->type : str_c(type_of(err->kind)));
    write_message(&w, err);
    jw_obj_end(&w);
    if (request_id)
        jw_knull(&w, S("request_id"));
    jw_obj_end(&w);
}

void anthropic_write_error(struct buf *out, const struct chat_error *err, struct arena *a)
{
    (void)a;
    write_body(out, err, true);
}

void anthropic_write_stream_error(struct buf *out, const struct chat_error *err)
{
    buf_add(out, S("event: error\ndata: "));
    write_body(out, err, false);
    buf_add(out, S("\n\n"));
}
