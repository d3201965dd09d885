#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

static enum log_level log_least = LOG_INFO;
static bool log_as_json;

void log_init(enum log_level least, bool json)
{
    log_least = least;
    log_as_json = json;
}

/* Text from outside may hold control bytes: a log line stays one line. */
static void add_clean(struct buf *b, str s, bool json)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 || c == 0x7f)
            buf_fmt(b, json ? "\\u%04x" : "\\x%02x", c);
        else if (json && (c == '"' || c == '\\'))
            buf_fmt(b, "\\%c", c);
        else
            buf_chr(b, (char)c);
    }
}

void log_at(enum log_level level, const char *fmt, ...)
{
    static const char *const names[] = { "debug", "info", "warning", "error" };
    if (level < log_least)
        return;
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;

    struct buf b;
    buf_init(&b, 16384);
    if (log_as_json) {
        char at[CLOCK_ISO_BYTES];
        str iso = clock_iso(clock_wall_ms(), at);
        buf_fmt(&b, "{\"time\":\"%.*s\",\"level\":\"%s\",\"message\":\"", STRF(iso), names[level]);
        add_clean(&b, (str){ text, len }, true);
        buf_add(&b, S("\"}\n"));
    } else {
        buf_fmt(&b, "sluice: %s%s", level == LOG_INFO ? "" : names[level],
                level == LOG_INFO ? "" : ": ");
        add_clean(&b, (str){ text, len }, false);
        buf_chr(&b, '\n');
    }
    ssize_t done = write(STDERR_FILENO, b.p, b.n); /* one write: lines of threads do not mix */
    (void)done;
    buf_done(&b);
}
