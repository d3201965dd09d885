#include <stdarg.h>

#include "base/buf.h"
#include "config/config.h"

enum { KEPT_MAX = 1000 }; /* what comes after is counted only */

void diags_init(struct diags *d)
{
    *d = (struct diags){ .first = NULL };
    arena_init(&d->arena);
    d->tail = &d->first;
}

void diags_done(struct diags *d)
{
    arena_done(&d->arena);
    d->first = NULL;
    d->tail = &d->first;
}

void diag_add(struct diags *d, enum diag_level level, str file, unsigned line, unsigned column,
              str key, str remedy, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    d->nerrors += level == DIAG_ERROR;
    d->nwarnings += level == DIAG_WARN;
    if (d->nerrors + d->nwarnings > KEPT_MAX)
        return;
    struct diag *x = NEW(&d->arena, struct diag, 1);
    *x = (struct diag){ .level = level,
                        .file = arena_dup(&d->arena, file),
                        .line = line,
                        .column = column,
                        .key = arena_dup(&d->arena, key),
                        .message = arena_dup(&d->arena, str_c(text)),
                        .remedy = arena_dup(&d->arena, remedy) };
    *d->tail = x;
    d->tail = &x->next;
}

static const char *level_name(enum diag_level level)
{
    static const char *const names[] = { "note", "warning", "error" };
    return names[level];
}

/* Texts from the file may hold anything; a terminal must not get it. */
static void add_printable(struct buf *b, str s)
{
    for (size_t i = 0; i < s.n; i++)
        buf_chr(b, (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ? '?' : s.p[i]);
}

str diag_text(const struct diag *d, struct arena *a)
{
    struct buf b;
    buf_init(&b, 64 * 1024);
    if (d->file.n) {
        add_printable(&b, d->file);
        if (d->line)
            buf_fmt(&b, ":%u:%u", d->line, d->column);
        buf_add(&b, S(": "));
    }
    buf_fmt(&b, "%s: ", level_name(d->level));
    if (d->key.n) {
        add_printable(&b, d->key);
        buf_add(&b, S(": "));
    }
    add_printable(&b, d->message);
    buf_chr(&b, '.');
    if (d->remedy.n) {
        buf_chr(&b, ' ');
        if (d->remedy.p[0] >= 'a' && d->remedy.p[0] <= 'z')
            buf_chr(&b, (char)(d->remedy.p[0] - 32));
        else
            buf_chr(&b, d->remedy.p[0]);
        add_printable(&b, str_skip(d->remedy, 1));
        buf_chr(&b, '.');
    }
    str text = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return text;
}
