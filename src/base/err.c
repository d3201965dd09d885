#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

rc fail(struct err *e, enum code code, const char *where, size_t at, const char *fmt, ...)
{
    if (e) {
        va_list ap;
        e->where = where;
        e->at = at;
        va_start(ap, fmt);
        vsnprintf(e->text, sizeof(e->text), fmt, ap);
        va_end(ap);
    }
    return RC(code);
}
