/* bench.h - `sluice bench`: a load generator; what its files share.
 *
 * bench.c reads the options and goes through rounds: in each round every target has its turn, one
 * after the other, so that slow drifts of the machine meet all alike. One turn is one run
 * (bench_run.c): it opens the connections (bench_conn.c), warms them up, measures, closes them.
 * bench_report.c prints what came out. One thread, one libuv loop.
 */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include <sys/socket.h>
#include <sys/types.h>
#include <uv.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "cli/bench_hist.h"
#include "cli/bench_proc.h"
#include "http/http1.h"
#include "http/ndjson.h"
#include "http/sse.h"
#include "http/url.h"

enum { BENCH_TARGETS_MAX = 16, BENCH_HEADERS_MAX = 32 };

struct bench_options {
    const char *urls[BENCH_TARGETS_MAX];
    size_t nurls;
    pid_t pids[BENCH_TARGETS_MAX];
    size_t npids;
    const char *headers[BENCH_HEADERS_MAX];
    size_t nheaders;
    uint32_t connections;
    uint64_t requests; /* per turn; 0: as many as fit into the duration */
    double duration_s; /* per turn; 0: until requests are done */
    double rate;       /* open loop, requests per second; 0: closed loop */
    double timeout_s;  /* per request */
    const char *body_file;
    const char *model;
    uint64_t prompt_bytes;
    uint64_t max_tokens; /* 0: not sent */
    uint32_t rounds;
    bool stream;
    bool tokens; /* read usage and cost from the replies */
    bool json;
};

/* What one turn gave. */
struct bench_turn {
    uint64_t wall_ns;
    uint64_t requests; /* finished well */
    uint64_t errors;
    uint64_t events; /* of streams, [DONE] not counted */
    uint64_t bytes;  /* of reply bodies */
    bool has_proc;
    struct proc_use proc; /* what the process of --pid used meanwhile */
};

struct bench_target {
    str name; /* the URL as given */
    struct url url;
    struct sockaddr_storage addr;
    str request;              /* head and body */
    struct proc_meter *meter; /* NULL: no pid */
    struct bench_turn *turns; /* one per round */
    struct hist latency_us, ttft_us, gap_us;
    struct hist tokens_per_ks; /* tokens per 1000 seconds, one value per stream */
    uint64_t prompt_tokens, completion_tokens, with_usage;
    double cost;
    uint64_t with_cost;
    char first_error[200];
};

struct bench {
    struct bench_options o;
    uv_loop_t *loop;
    struct arena arena;
    struct bench_target *targets;
    size_t ntargets;
    struct http_head head; /* of the reply being parsed */
    char read_buf[256 * 1024];
};

struct bench_conn;

enum bench_phase { BENCH_WARM, BENCH_MEASURE, BENCH_STOP };

/* One turn of one target. */
struct bench_run {
    struct bench *b;
    struct bench_target *target;
    struct bench_turn *turn;
    enum bench_phase phase;
    uv_timer_t tick;
    uint64_t began_ns; /* when measuring began */
    uint64_t tick_ns;  /* of the latest tick */
    uint64_t read_ns;  /* when the latest read returned */
    struct proc_use proc_before;
    struct bench_conn *conns;
    uint32_t nconns, nopened, nready, nwarm;
    struct bench_conn *free; /* connections without work */
    uint64_t sent;           /* requests handed out in this phase */
    bool failed;             /* the target cannot be reached */
};

/* Runs the loop until the turn is over. False: the target cannot be reached (said in first_error).
 */
bool bench_run(struct bench *b, struct bench_target *t, struct bench_turn *turn);

/* ---- bench_conn.c: for bench_run.c ------------------------------------------------------------
 */

struct bench_conn *bench_conns_new(struct bench_run *r, uint32_t n);
void bench_conns_free(struct bench_conn *conns, uint32_t n);
void bench_conn_open(struct bench_run *r, uint32_t i);
void bench_conn_send(struct bench_conn *c, uint64_t due_ns);
/* Every tick: what is overdue is given up, what was lost is opened again. */
void bench_conn_tick(struct bench_run *r, uint32_t i, uint64_t now_ns);
void bench_conn_close(struct bench_run *r, uint32_t i);
/* A stack of connections without work. */
void bench_conn_push_free(struct bench_conn *c);
struct bench_conn *bench_conn_pop_free(struct bench_run *r);

/* ---- bench_run.c: for bench_conn.c ------------------------------------------------------------
 */

void bench_on_connected(struct bench_run *r, struct bench_conn *c);
void bench_on_first_head(struct bench_run *r);
void bench_on_idle(struct bench_run *r, struct bench_conn *c);
void bench_on_unreachable(struct bench_run *r, const char *why);

/* ---- bench_tokens.c ------------------------------------------------------------------------- */

/* Does this event of a stream (any chat dialect) carry a piece of the answer? */
bool bench_event_has_token(str data);
/* Might this event or reply tell about usage? Cheap. */
bool bench_may_have_usage(str data);
struct bench_usage {
    int64_t prompt, completion; /* -1: not told */
    double cost;                /* < 0: not told */
};
/* From a reply's or an event's JSON, in any chat dialect. */
struct bench_usage bench_read_usage(str json);

/* ---- bench_report.c ------------------------------------------------------------------------- */

void bench_report(const struct bench *b);

#endif
