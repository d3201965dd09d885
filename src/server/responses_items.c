/* References to items of earlier responses, as Vercel's SDK sends them in place of what was said:
 * an item that we made names its response in its id. */
#include "base/clock.h"
#include "json/write.h"
#include "server/response_store.h"
#include "server/responses.h"

/* The response looked into last: references come in rows. */
struct look {
    struct exchange *x;
    str response;
    jval *output;
};

/* "msg_<response>_<place>": "resp_<response>"; empty if it is none of ours. */
static str response_of(str id, struct arena *a)
{
    str rest = str_skip(id, str_index(id, '_') + 1);
    size_t end = str_rindex(rest, '_');
    return end && end < rest.n ? arena_cat(a, S("resp_"), str_take(rest, end)) : (str){ 0 };
}

static jval *find_item(struct look *l, str id)
{
    struct exchange *x = l->x;
    struct stored_response r;
    jval *v = NULL;
    str response = response_of(id, &x->scratch);
    if (!response.n)
        return NULL;
    if (!str_eq(response, l->response)) {
        l->response = response;
        l->output = NULL;
        if (response_store_get(x->sw->server->responses, response, x->owner, clock_wall_ms(),
                               &x->scratch, &r) &&
            !FAILED(jd_read(&v, r.body, &x->scratch, NULL)))
            l->output = jd_get(v, S("output"));
    }
    JD_EACH (m, l->output)
        if (jd_str_is(jd_get(m.value, S("id")), id))
            return m.value;
    return NULL;
}

bool responses_expand(struct exchange *x, str array, struct buf *out, str *ret_missing)
{
    struct look look = { .x = x };
    struct jw w;
    jval *items = NULL;
    bool any = false;
    *ret_missing = (str){ 0 };
    if (!str_contains(array, S("\"item_reference\"")) ||
        FAILED(jd_read(&items, array, &x->scratch, NULL)))
        return false;
    jw_init(&w, out);
    jw_arr(&w);
    JD_EACH (m, items) {
        bool refers = jd_str_is(jd_get(m.value, S("type")), S("item_reference"));
        str id = jd_get_str(m.value, S("id"));
        jval *item = refers ? find_item(&look, id) : NULL;
        if (refers && !item && !ret_missing->n)
            *ret_missing = id;
        any = any || item;
        jw_val(&w, item ? item : m.value);
    }
    jw_arr_end(&w);
    return any;
}
