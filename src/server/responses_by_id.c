/* The routes that name a response: from memory, or passed on to the upstream that has it. */
#include "base/clock.h"
#include "http/url.h"
#include "json/write.h"
#include "server/pass.h"
#include "server/reply.h"
#include "server/response_store.h"
#include "server/responses.h"

enum { LIMIT_USUAL = 20, LIMIT_MAX = 100, ID_BYTES_MAX = 256 };

static bool is_id(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-'))
            return false;
    }
    return s.n > 0 && s.n <= ID_BYTES_MAX;
}

static void pass_on(struct exchange *x, const struct stored_response *r, str tail)
{
    const struct route_table *t = x->snap->routes;
    const struct deployment *d = NULL;
    for (size_t i = 0; i < route_deployment_count(t) && !d; i++)
        if (str_eq(route_deployment(t, i)->id, r->deployment))
            d = route_deployment(t, i);
    if (!d) {
        reply_error_text(x, 404, "invalid_request_error", NULL,
                         "The deployment that has the response '%.*s' is not configured any more.",
                         STRF(r->id));
        return;
    }
    pass_to_deployment(x, d,
                       arena_fmt(&x->scratch, "%s/responses/%.*s%s%.*s",
                                 d->base_has_path ? "" : "/v1", STRF(r->id), tail.n ? "/" : "",
                                 STRF(tail)));
}

/* ---- input items ---------------------------------------------------------------------------- */

static str item_id(struct exchange *x, const struct stored_response *r, jval *item, size_t index)
{
    str id = jd_get_str(item, S("id"));
    if (id.n)
        return id;
    str hex = str_starts(r->id, S("resp_")) ? str_skip(r->id, 5) : r->id;
    bool message = jd_str_is(jd_get(item, S("type")), S("message")) || jd_get(item, S("role"));
    return arena_fmt(&x->scratch, "%s_%.*s_in%zu", message ? "msg" : "item", STRF(hex), index);
}

/* As the vendor shows it: with an id, and content as parts. */
static void write_item(struct jw *w, jval *item, str id)
{
    bool typed = jd_get(item, S("type")) != NULL;
    jw_obj(w);
    jw_kstr(w, S("id"), id);
    if (!typed)
        jw_kstr(w, S("type"), S("message"));
    JD_EACH (m, item) {
        if (str_eq(m.name, S("id")) || jd_get(item, m.name) != m.value)
            continue;
        if (!str_eq(m.name, S("content")) || !jd_is_str(m.value)) {
            jw_kval(w, m.name, m.value);
            continue;
        }
        bool said = jd_str_is(jd_get(item, S("role")), S("assistant"));
        jw_karr(w, S("content"));
        jw_obj(w);
        jw_kstr(w, S("type"), said ? S("output_text") : S("input_text"));
        jw_kstr(w, S("text"), jd_str(m.value));
        if (said)
            jw_kraw(w, S("annotations"), S("[]"));
        jw_obj_end(w);
        jw_arr_end(w);
    }
    jw_obj_end(w);
}

static void write_id(struct jw *w, str id)
{
    if (id.n)
        jw_str(w, id);
    else
        jw_null(w);
}

struct page {
    size_t from, n; /* places in the order asked for */
    bool asc, more;
};

static struct page page_of(struct exchange *x, const struct stored_response *r, jval *items)
{
    struct page p = { .n = LIMIT_USUAL };
    size_t total = jd_count(items);
    uint64_t limit;
    str value;
    if (url_query_get(x->asked->query, S("order"), &x->scratch, &value))
        p.asc = str_eq(value, S("asc"));
    if (url_query_get(x->asked->query, S("limit"), &x->scratch, &value) &&
        str_to_u64(value, &limit) && limit > 0)
        p.n = limit < LIMIT_MAX ? (size_t)limit : LIMIT_MAX;
    if (url_query_get(x->asked->query, S("after"), &x->scratch, &value))
        JD_EACH (m, items)
            if (str_eq(item_id(x, r, m.value, m.index), value))
                p.from = (p.asc ? m.index : total - 1 - m.index) + 1;
    p.more = total > p.from && total - p.from > p.n;
    if (!p.more)
        p.n = total - p.from;
    return p;
}

static void reply_items(struct exchange *x, const struct stored_response *r)
{
    struct buf out, all;
    struct jw w;
    struct err e;
    jval *items;
    str first = { 0 }, last = { 0 };
    buf_init(&all, SIZE_MAX);
    buf_chr(&all, '[');
    buf_add(&all, r->items);
    buf_chr(&all, ']');
    if (FAILED(jd_read(&items, buf_str(&all), &x->scratch, &e))) {
        buf_done(&all);
        reply_error_text(x, 500, "server_error", NULL, "The stored input cannot be read.");
        return;
    }
    buf_done(&all);
    struct page p = page_of(x, r, items);
    buf_init(&out, SIZE_MAX);
    jw_init(&w, &out);
    jw_obj(&w);
    jw_kstr(&w, S("object"), S("list"));
    jw_karr(&w, S("data"));
    for (size_t i = 0; i < p.n; i++) {
        size_t at = p.asc ? p.from + i : jd_count(items) - 1 - p.from - i;
        jval *item = jd_at(items, at);
        last = item_id(x, r, item, at);
        first = i == 0 ? last : first;
        write_item(&w, item, last);
    }
    jw_arr_end(&w);
    jw_key(&w, S("first_id"));
    write_id(&w, first);
    jw_key(&w, S("last_id"));
    write_id(&w, last);
    jw_kbool(&w, S("has_more"), p.more);
    jw_obj_end(&w);
    reply_json(x, 200, buf_str(&out));
    buf_done(&out);
}

/* ---- what is asked -------------------------------------------------------------------------- */

static void delete_it(struct exchange *x, str id)
{
    struct response_store *s = x->sw->server->responses;
    response_store_del(s, id, x->owner, clock_wall_ms());
    reply_json(x, 200,
               arena_fmt(&x->scratch, "{\"id\":\"%.*s\",\"object\":\"response\",\"deleted\":true}",
                         STRF(id)));
}

static void get_it(struct exchange *x, const struct stored_response *r)
{
    str stream;
    if (url_query_get(x->asked->query, S("stream"), &x->scratch, &stream) &&
        str_eq(stream, S("true")))
        reply_error_text(x, 400, "invalid_request_error", "stream",
                         "Only responses that run in the background can be streamed again.");
    else
        reply_json(x, 200, r->body);
}

void responses_by_id(struct exchange *x)
{
    struct response_store *s = x->sw->server->responses;
    struct stored_response r;
    str tail = x->asked->path_rest, id = str_cut(&tail, '/');
    bool get = str_eq(x->method, S("GET")) || x->head_request;
    bool del = str_eq(x->method, S("DELETE"));
    bool items = get && str_eq(tail, S("input_items"));
    bool cancel = !get && !del && str_eq(tail, S("cancel"));
    if ((!items && !cancel && tail.n) || (!get && !del && !cancel)) {
        reply_error_text(x, 404, "invalid_request_error", NULL, "Not Found: there is no %.*s here.",
                         STRF(str_take(x->path, 200)));
        return;
    }
    if (!is_id(id) || !response_store_get(s, id, x->owner, clock_wall_ms(), &x->scratch, &r)) {
        reply_error_text(x, 404, "invalid_request_error", NULL,
                         "Response with id '%.*s' not found.", STRF(str_take(id, 200)));
        return;
    }
    if (r.deployment.n) {
        if (del)
            response_store_del(s, id, x->owner, clock_wall_ms());
        pass_on(x, &r, tail);
    } else if (items) {
        reply_items(x, &r);
    } else if (cancel) {
        reply_error_text(x, 400, "invalid_request_error", NULL,
                         "Cannot cancel a synchronous response.");
    } else if (del) {
        delete_it(x, id);
    } else {
        get_it(x, &r);
    }
}

void responses_upgrade(struct exchange *x)
{
    if (x->asked->upgrade)
        reply_error_text(x, 426, "invalid_request_error", NULL,
                         "Responses are not served over a websocket here: POST them, with "
                         "`stream` for a stream.");
    else
        reply_error_text(x, 405, "invalid_request_error", NULL,
                         "Method Not Allowed: %.*s takes POST", STRF(x->path));
}
