/* call.h - a call to a model on behalf of an exchange: attempts over a plan of deployments, one
 * upstream request at a time, and the answer carried back.
 *
 *   call.c      begin, plan, settle: what happens in which order
 *   request.c   the upstream's request: spliced or translated
 *   answer.c    the upstream's answer: relayed or translated, whole or as a stream
 *   local.c     models that answer here: sluice/echo, mock_response
 *   tunnel.c    a websocket, after the upstream's 101 (see realtime.h)
 */
#ifndef SERVER_CALL_H
#define SERVER_CALL_H

#include "chat/stream.h"
#include "dialect/dialect.h"
#include "http/ndjson.h"
#include "http/sse.h"
#include "json/scan.h"
#include "net/client.h"
#include "route/route.h"
#include "server/access_log.h"
#include "server/exchange.h"

/* What the answer of the present attempt is. */
enum answer {
    ANSWER_NONE,  /* no head yet */
    ANSWER_ERROR, /* status >= 300: gathered, then judged */
    ANSWER_WHOLE, /* one body, gathered */
    ANSWER_RAW,   /* bytes that pass as they come: sound, text, another API's stream */
    ANSWER_FRAMES /* a stream, carried over frame by frame */
};

/* Members of a request's top level that the gateway looks at. */
enum member {
    MEMBER_MODEL,
    MEMBER_STREAM,
    MEMBER_STREAM_OPTIONS,
    MEMBER_STORE,
    MEMBER_MAX_TOKENS,
    MEMBER_CONVERSATION, /* messages */
    MEMBER_INPUT,
    MEMBER_OURS, /* from here on: members that may be the gateway's own: see is_ours */
    MEMBER_TIMEOUT,
    MEMBER_NUM_RETRIES,
    MEMBER_FALLBACKS,
    MEMBER_DISABLE_FALLBACKS,
    MEMBER_DROP_PARAMS,
    MEMBER_COUNT = MEMBER_OURS + 20,
};

/* Their names. All behind MEMBER_OURS are the gateway's own in any case: see call_is_ours. */
extern const str call_member_names[MEMBER_COUNT];

/* A translated stream's machinery: reader -> chat_stream -> writer. */
struct translation {
    struct chat_sink sink; /* the stream's end: writes frames */
    struct chat_stream stream;
    struct call *call;
    void *reader, *writer;
    struct dialect_ctx ctx;
    struct chat_usage usage;
    size_t kept_bytes; /* what a writer that repeats the answer has of it */
};

/* What only attempts need: in scratch, gone once the answer has begun. */
struct attempt {
    struct plan plan;
    struct json_member members[MEMBER_COUNT];
    struct chat_req *req; /* NULL while nothing had to be translated */
    str path;             /* operation_pass: where it goes */
    void *neutral;        /* the same of an operation: its own */
    struct chat_loss loss;
    int64_t prompt_tokens[2]; /* by enum token_encoding; 0: not counted */
    str source; /* the client's body, without the deployment's additional_drop_params */
    struct fetched *fetched; /* media by URL whose bytes are here */
    struct fetch *fetch;     /* under way; NULL: none is */
    struct client_request request;
    struct buf body; /* its body, where it is not spliced from x->body */
};

struct inflate;
struct tunnel;

struct call {
    struct exchange *x;
    const struct operation *op;     /* NULL: a chat */
    const struct dialect *in, *out; /* out: of the present deployment */
    const struct dialect *asks;     /* how the request is written: as `in`, nearly always */
    const struct deployment *dep;
    struct attempt *try; /* NULL once the answer has begun */
    struct plan_step step;
    struct client_call client;
    struct buf reply;        /* a gathered answer */
    struct inflate *inflate; /* the answer has a content coding; else NULL */
    union {
        struct sse sse;
        struct ndjson ndjson;
    } frames;
    struct dialect_relay *relay;     /* same dialect on both sides */
    struct translation *translation; /* or not */
    struct left_out *left_out;       /* counts what a stream's upstream may not tell */
    void *opened;                    /* a writer that began in silence, before any answer */
    struct tunnel *tunnel;           /* a websocket; NULL: none, or not yet */
    const struct chat_usage *usage;  /* as far as it is known; never NULL */
    struct chat_error *last_error;   /* of the attempt that failed last; NULL: none did */
    str model_shown;                 /* what the client calls it */
    str reply_type;                  /* ANSWER_RAW: the upstream's Content-Type */
    str reply_fields;                /* response fields that pass: "name: value\r\n"... */
    int64_t cost_nanousd;            /* -1: unknown */
    int64_t retry_after_ms;          /* of the present answer's head */
    uint64_t sent_ns, head_ns;       /* this attempt */
    uint64_t last_ms;                /* when the upstream last said something */
    uint64_t begin_ms;               /* when the call began */
    uint64_t sent_ms, client_ms;     /* this attempt went out; the client last got a byte */
    uint64_t resume_ms;              /* while waiting: when the next attempt is due */
    uint16_t attempts, fallbacks;
    uint16_t upstream_status;
    uint8_t answer;      /* enum answer */
    bool stream;         /* the client asked for a stream */
    bool up_stream;      /* the upstream was asked for one */
    bool show_usage;     /* the client asked for usage in the stream */
    bool in_flight;      /* client is running */
    bool paused;         /* back-pressure */
    bool wrote;          /* a translated stream has brought content */
    bool committed;      /* frames have gone out: no other attempt can follow */
    bool ndjson;         /* the answer's frames are lines of JSON */
    bool html;           /* the answer claims to be HTML */
    bool broken;         /* a frame that is not what this dialect sends */
    bool reported;       /* the deployment's health knows of this attempt */
    bool waiting;        /* for the next attempt's delay */
    bool counted_stream; /* stats.streams holds this one */
    bool path_stream;    /* the path asks for a stream (Gemini) */
    bool upgrade;        /* a websocket is asked for */
};

/* Serves x as a chat in its endpoint's dialect. */
void call_chat(struct exchange *x);
/* Serves x as its endpoint's operation (server/operation.h). */
void call_operation(struct exchange *x);
/* Passes x on to that deployment's host, at that path. */
void call_pass(struct exchange *x, const struct deployment *d, str path);
/* Opens a websocket for op to a deployment of that model. */
void call_upgrade(struct exchange *x, const struct operation *op, str model);
/* Serves x as op; NULL: a chat. */
void call_serve(struct exchange *x, const struct operation *op);

/* From the exchange. */
void call_client_drained(struct call *c);
void call_settle(struct call *c);
void call_describe(const struct call *c, struct access_record *r);
void call_reply_fields(const struct call *c, struct buf *out);

/* ---- between the files of the call ---- */

/* Makes and sends the upstream request of c->step. E_UNSUPPORTED, E_SYNTAX: the client's request is
 * at fault (err says how). */
rc call_send(struct call *c, struct err *e);
/* Parses the body into c->req, once. */
rc call_parse(struct call *c, struct err *e);
/* The present attempt failed: another one, or the error to the client. */
void call_attempt_failed(struct call *c, enum route_failure kind, const struct chat_error *err);
/* The present attempt broke off after the client had part of its answer. */
void call_attempt_broke(struct call *c, const struct chat_error *err);
/* The present attempt succeeded as far as the deployment is concerned. */
void call_attempt_ok(struct call *c);
/* (Re)arms the exchange's deadline for whatever is due next. */
void call_arm(struct call *c);
/* Keeps the usage of an answer that has no stream to hold it. */
extern const struct chat_usage call_no_usage;
void call_keep_usage(struct call *c, const struct chat_usage *u);
/* Keeps err (its strs are the exchange's) as the last one. */
void call_keep_error(struct call *c, const struct chat_error *err);
/* A copy (the exchange's) in which the deployment's key, which an upstream may echo, is masked. */
struct chat_error call_masked_error(struct call *c, const struct chat_error *err);
/* Gives back the buffers of the attempt's request. */
void call_drop_bodies(struct call *c);
/* Prices c->usage. */
void call_price(struct call *c);
/* The answer has begun: frees what only another attempt would need. */
void call_drop_request(struct call *c);

/* answer.c */
extern const struct client_ops call_client_ops;
void answer_reset(struct call *c);
/* Nothing has come for a while: keep the client's connection alive. */
void answer_keepalive(struct call *c);
/* The stream cannot go on: says so in it and ends the exchange. */
void answer_break(struct call *c, const struct chat_error *err);
/* An operation that needs no upstream. */
void answer_here(struct call *c);
/* A finished reply, written as the client wants it (whole or as a stream). */
void answer_reply(struct call *c, const struct chat_reply *r);
void answer_drained(struct call *c);
void answer_free(struct call *c);

/* local.c */
void local_answer(struct call *c);

#endif
