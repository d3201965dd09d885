#include "json/splice.h"

struct json_edit json_edit_value(str text, const struct json_member *m, str json)
{
    BUG_UNLESS(m->kind != JSON_NONE);
    return (struct json_edit){ (size_t)(m->value.p - text.p), m->value.n, json };
}

static size_t skip_blanks(str text, size_t at)
{
    while (at < text.n && memchr(" \t\r\n", text.p[at], 4))
        at++;
    return at;
}

struct json_edit json_edit_insert(str text, str member)
{
    size_t open = skip_blanks(text, 0);
    BUG_UNLESS(open < text.n && text.p[open] == '{');
    size_t next = skip_blanks(text, open + 1);
    if (next < text.n && text.p[next] == '}')
        member.n -= member.n && member.p[member.n - 1] == ',';
    return (struct json_edit){ open + 1, 0, member };
}

size_t json_splice_pieces(str text, const struct json_edit *edits, size_t n, str *ret_pieces)
{
    size_t count = 0, at = 0;
    for (size_t i = 0; i < n; i++) {
        BUG_UNLESS(edits[i].at >= at && edits[i].at <= text.n &&
                   edits[i].drop <= text.n - edits[i].at);
        if (edits[i].at > at)
            ret_pieces[count++] = (str){ text.p + at, edits[i].at - at };
        if (edits[i].put.n)
            ret_pieces[count++] = edits[i].put;
        at = edits[i].at + edits[i].drop;
    }
    if (text.n > at)
        ret_pieces[count++] = (str){ text.p + at, text.n - at };
    return count;
}

size_t json_splice_bytes(str text, const struct json_edit *edits, size_t n)
{
    size_t bytes = text.n;
    for (size_t i = 0; i < n; i++)
        bytes += edits[i].put.n - edits[i].drop; /* wraps and wraps back */
    return bytes;
}

void json_splice(struct buf *out, str text, const struct json_edit *edits, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        str pieces[3];
        size_t stop = edits[i].at + edits[i].drop;
        BUG_UNLESS(edits[i].at >= at && stop >= at && stop <= text.n);
        struct json_edit here = { edits[i].at - at, edits[i].drop, edits[i].put };
        size_t count = json_splice_pieces((str){ text.p + at, stop - at }, &here, 1, pieces);
        for (size_t k = 0; k < count; k++)
            buf_add(out, pieces[k]);
        at = stop;
    }
    buf_add(out, (str){ text.p + at, text.n - at });
}

rc json_replace(struct buf *out, str text, str name, str json, struct err *e)
{
    struct json_member m = { .name = name };
    TRY(json_scan(text, &m, 1, NULL, e));
    if (m.kind == JSON_STRING) {
        struct json_edit edit = json_edit_value(text, &m, json);
        json_splice(out, text, &edit, 1);
    } else {
        buf_add(out, text);
    }
    return RC_OK;
}
