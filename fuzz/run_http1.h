/* run_http1.h - the events of a connection's bytes as text, for comparing.
 */
#ifndef FUZZ_RUN_HTTP1_H
#define FUZZ_RUN_HTTP1_H

#include "http/http1.h"
#include "pieces.h"

static inline void run_http1_head(const struct http_head *h, struct buf *out)
{
    /* What no caller may ever see. */
    BUG_UNLESS(!(h->chunked && h->content_length >= 0));
    BUG_UNLESS(h->nfields <= HTTP_FIELDS_MAX && h->minor <= 1);
    BUG_UNLESS(h->status ? h->status <= 599 : http_is_token(h->method) && h->target.n);
    for (size_t i = 0; i < h->nfields; i++)
        BUG_UNLESS(http_is_token(h->fields[i].name) && http_is_field_value(h->fields[i].value));
    if (!h->status && h->minor == 1)
        BUG_UNLESS(http_field_count(h, S("host")) == 1);
    if (h->status)
        buf_fmt(out, "<%u", h->status);
    else
        buf_fmt(out, "<%.*s %.*s", STRF(h->method), STRF(h->target));
    buf_fmt(out, " 1.%u%s%s%s%s%s", h->minor, h->keep_alive ? " keep" : " close",
            h->chunked ? " chunked" : "", h->has_body ? " body" : "",
            h->expect_continue ? " expect" : "", h->upgrade ? " upgrade" : "");
    if (h->content_length >= 0)
        buf_fmt(out, " %lld", (long long)h->content_length);
    for (size_t i = 0; i < h->nfields; i++) {
        buf_chr(out, '|');
        buf_add(out, h->fields[i].name);
        buf_chr(out, '=');
        buf_add(out, h->fields[i].value);
    }
    buf_chr(out, '>');
}

/* Appends "<head>", the bodies' bytes in "{}" and ";" after each message; then "!syntax", "!limit"
 * or what http1_eof says. With no_body each response answers HEAD. */
static inline void run_http1(enum http1_kind kind, bool no_body, struct pieces from,
                             struct buf *out)
{
    static struct http_head head;
    struct http1 p;
    struct err e = { 0 };
    str in, body;
    bool in_body = false, dead = false;
    http1_init(&p, kind);
    if (no_body)
        http1_expect_no_body(&p);
    while (pieces_next(&from, &in)) {
        enum http1_event ev = HTTP1_MORE;
        do {
            ev = http1_next(&p, &in, &head, &body, &e);
            if (in_body && ev != HTTP1_BODY && ev != HTTP1_MORE) {
                buf_chr(out, '}');
                in_body = false;
            }
            if (ev == HTTP1_HEAD) {
                run_http1_head(&head, out);
            } else if (ev == HTTP1_BODY) {
                BUG_UNLESS(body.n > 0);
                if (!in_body)
                    buf_chr(out, '{');
                in_body = true;
                buf_add(out, body);
            } else if (ev == HTTP1_END) {
                buf_chr(out, ';');
                BUG_UNLESS(http1_idle(&p) && p.partial.cap == 0);
                if (no_body)
                    http1_expect_no_body(&p);
            } else if (ev == HTTP1_BAD) {
                BUG_UNLESS(http1_code(&p) == E_SYNTAX || http1_code(&p) == E_LIMIT);
                BUG_UNLESS(e.text[0] && p.partial.cap == 0);
                dead = true;
            } else {
                BUG_UNLESS(in.n == 0);
            }
        } while (ev != HTTP1_MORE && ev != HTTP1_BAD);
    }
    if (in_body)
        buf_chr(out, '}');
    bool idle = http1_idle(&p);
    bool eof = http1_eof(&p);
    BUG_UNLESS(!idle || eof);
    buf_add(out, dead  ? http1_code(&p) == E_LIMIT ? S("!limit") : S("!syntax")
                  : eof ? S("eof")
                       : S("cut"));
    http1_done(&p);
}

#endif
