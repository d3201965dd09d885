/* access_log.h - one line per exchange on standard output, gathered per worker.
 *
 * Lines wait at most ACCESS_LOG_MS (or until 32 KiB are there) and leave in one write, so a busy
 * worker spends far less than a system call per request on them. Never holds prompts or secrets.
 */
#ifndef SERVER_ACCESS_LOG_H
#define SERVER_ACCESS_LOG_H

#include "base/buf.h"
#include "base/clock.h"
#include "net/worker.h"

enum access_format { ACCESS_OFF, ACCESS_TEXT, ACCESS_JSON };

enum { ACCESS_LOG_MS = 50 };

struct access_log {
    struct buf lines;
    struct deadline flush;
    struct worker *worker;
    enum access_format format;
    int fd;
    int64_t second; /* that `stamp` is of: the calendar is asked once a second */
    char stamp[CLOCK_ISO_BYTES];
};

/* Everything a line says; empty strs and negative numbers are left out. */
struct access_record {
    int64_t wall_ms;
    str id, method, path, client, model, group, provider, upstream_model, deployment, error;
    unsigned status;
    const char *state; /* where the exchange ended if not "done" */
    bool stream;
    int64_t prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens;
    int64_t cost_nanousd; /* -1: unknown */
    unsigned attempts, fallbacks;
    int64_t duration_us, first_us, upstream_us; /* whole, to first content, waiting for upstream */
    uint64_t bytes_in, bytes_out;
};

void access_log_init(struct access_log *l, struct worker *w, enum access_format format, int fd);
void access_log_done(struct access_log *l); /* writes what is left */
void access_log_add(struct access_log *l, const struct access_record *r);

#endif
