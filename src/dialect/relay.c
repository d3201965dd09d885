#include "dialect/relay.h"

#include "json/write.h"

void relay_frame(struct buf *out, const struct sse_event *ev)
{
    if (ev->raw.p) {
        buf_add(out, ev->raw);
        return;
    }
    if (ev->event.n) {
        buf_add(out, S("event: "));
        buf_add(out, ev->event);
        buf_chr(out, '\n');
    }
    for (str rest = ev->data; rest.p;) {
        buf_add(out, S("data: "));
        buf_add(out, str_cut(&rest, '\n'));
        buf_chr(out, '\n');
    }
    buf_chr(out, '\n');
}

void relay_with_model(const struct dialect_relay *rl, struct buf *out, str text,
                      const struct json_member *model)
{
    if (!rl->model.n || model->kind != JSON_STRING) {
        buf_add(out, text);
        return;
    }
    size_t at = (size_t)(model->value.p - text.p);
    buf_add(out, str_take(text, at));
    json_quote(out, rl->model);
    buf_add(out, str_skip(text, at + model->value.n));
}

str relay_event_type(const struct sse_event *ev)
{
    struct json_member m = { .name = S("type") };
    if (ev->event.n)
        return ev->event;
    if (FAILED(json_scan(ev->data, &m, 1, NULL, NULL)) || m.kind != JSON_STRING)
        return ev->event;
    return str_take(str_skip(m.value, 1), m.value.n - 2);
}
