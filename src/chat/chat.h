/* chat.h - the neutral conversation: what every chat dialect is read into and written from.
 *
 * Ownership: everything lives in the exchange's arena or borrows from the request body; nothing
 * here is freed singly. Lists are singly linked in order.
 *
 * Lossless where it can be: numbers that are only passed on are kept as their JSON text, schemas
 * and call arguments as JSON text, members no one knows as `extras`, blocks only their own vendor
 * understands as PART_OPAQUE. "JSON text" below means: one valid JSON value, as bytes.
 */
#ifndef CHAT_CHAT_H
#define CHAT_CHAT_H

#include "base/arena.h"
#include "base/err.h"

/* Which wire format something came from; also the index of dialect tables. */
enum dialect_id {
    DIALECT_NONE,
    DIALECT_OPENAI_CHAT,
    DIALECT_OPENAI_RESPONSES,
    DIALECT_ANTHROPIC,
    DIALECT_GEMINI,
    DIALECT_COHERE,
    DIALECT_OLLAMA,
    DIALECT_OLLAMA_GENERATE, /* callers of /api/generate; no deployment's */
    DIALECT_OPENAI_TEXT, /* /v1/completions; deployments of DIALECT_OPENAI_CHAT may take it too */
    DIALECT_COUNT,
};

/* An integer that was not given. */
#define CHAT_UNSET INT64_MIN

/* false, true, or not given. */
enum tri { TRI_UNSET, TRI_FALSE, TRI_TRUE };

/* ---- content -------------------------------------------------------------------------------- */

enum chat_role { ROLE_SYSTEM, ROLE_DEVELOPER, ROLE_USER, ROLE_ASSISTANT, ROLE_TOOL };

enum part_kind {
    PART_TEXT,        /* text */
    PART_IMAGE,       /* media */
    PART_AUDIO,       /* media */
    PART_VIDEO,       /* media */
    PART_FILE,        /* media: PDFs and other documents */
    PART_THINKING,    /* text (may be empty) + signature */
    PART_REDACTED,    /* media.data: encrypted thinking, only for the vendor that made it */
    PART_TOOL_CALL,   /* call */
    PART_TOOL_RESULT, /* result */
    PART_REFUSAL,     /* text */
    PART_OPAQUE,      /* raw + origin: a block of one vendor (server tools...): replay it to that
                         dialect, leave it out elsewhere */
};

/* Exactly one of data, url, file_id and text is set. */
struct chat_media {
    str mime;    /* "image/png"; empty if unknown */
    str data;    /* base64, standard alphabet, without the data: prefix */
    str url;     /* http(s), gs:// ... */
    str file_id; /* a file the vendor keeps */
    str text;    /* a document given as plain text */
    str name;    /* file name or title */
    str detail;  /* image: auto, low, high */
};

struct chat_call {
    str id;   /* never empty in a request's history once read: readers make one up if absent */
    str name; /* nor is this */
    str args; /* JSON text of an object; for custom tools free text; empty means {} */
    bool custom;
    str signature; /* Gemini's thoughtSignature on the call */
};

struct chat_part;

struct chat_result {
    str id;   /* of the call it answers; readers fill it from name or order where absent */
    str name; /* of the function; readers fill it from the call with that id */
    bool is_error;
    struct chat_part *content; /* texts, images, files */
};

struct chat_extra;

struct chat_part {
    struct chat_part *next;
    enum part_kind kind;
    enum dialect_id origin; /* PART_OPAQUE, PART_REDACTED and signatures: who made it */
    str text;
    str signature; /* PART_THINKING (Anthropic signature, OpenAI encrypted_content, Gemini thought
                      signature of a text part) */
    str id;        /* Responses item id and the like; empty if none */
    str cache;     /* JSON text of a cache mark ({"type":"ephemeral"}); empty if none */
    str notes; /* JSON text of citations/annotations, in the origin's own shape; empty if none */
    str raw;   /* PART_OPAQUE: JSON text of the whole block */
    struct chat_extra *extras; /* members that only the origin's dialect knows: it alone writes them
                                  back */
    union {
        struct chat_media media;
        struct chat_call call;
        struct chat_result result;
    };
};

struct chat_message {
    struct chat_message *next;
    enum chat_role role; /* ROLE_TOOL: all its parts are PART_TOOL_RESULT */
    str name;            /* participant name; empty if none */
    struct chat_part *parts;
    bool prefix; /* an assistant turn to be continued (Mistral prefix, Anthropic prefill) */
    bool split;  /* the client's one turn, together with the message before (its tool results) */
};

/* ---- request -------------------------------------------------------------------------------- */

enum tool_kind { TOOL_FUNCTION, TOOL_CUSTOM, TOOL_OPAQUE };

struct chat_tool {
    struct chat_tool *next;
    enum tool_kind kind;
    enum dialect_id origin; /* TOOL_OPAQUE: the only dialect that understands it */
    str name;
    str description;
    str schema; /* JSON text of the parameters' schema; empty: no arguments */
    enum tri strict;
    str cache;
    str raw; /* TOOL_OPAQUE, TOOL_CUSTOM: JSON text of the whole tool */
};

enum tool_choice { CHOICE_UNSET, CHOICE_AUTO, CHOICE_NONE, CHOICE_REQUIRED, CHOICE_NAMED };

enum chat_format { FORMAT_UNSET, FORMAT_TEXT, FORMAT_JSON, FORMAT_SCHEMA };

/* In rising order, so that a writer can clamp. */
enum chat_effort {
    EFFORT_UNSET,
    EFFORT_NONE,
    EFFORT_MINIMAL,
    EFFORT_LOW,
    EFFORT_MEDIUM,
    EFFORT_HIGH,
    EFFORT_XHIGH,
    EFFORT_MAX,
};

struct chat_extra {
    struct chat_extra *next;
    str name;
    str value; /* JSON text */
};

struct chat_str {
    struct chat_str *next;
    str s;
};

struct chat_req {
    enum dialect_id origin; /* who read it */
    str model;              /* as the client wrote it */
    bool stream;
    bool include_usage; /* the client asked to see usage in the stream (true for dialects that
                           always show it) */

    struct chat_message *messages; /* system turns in place, as ROLE_SYSTEM / ROLE_DEVELOPER */

    struct chat_tool *tools;
    enum tool_choice choice;
    str choice_name; /* CHOICE_NAMED */
    enum tri parallel_calls;

    /* JSON text of a number; empty: not given. */
    str temperature, top_p, top_k, min_p, frequency_penalty, presence_penalty, repeat_penalty;
    int64_t max_tokens; /* visible + reasoning tokens; CHAT_UNSET */
    int64_t n, seed, top_logprobs;
    enum tri logprobs;
    str logit_bias; /* JSON text */
    struct chat_str *stop;

    enum chat_format format;
    str schema;      /* FORMAT_SCHEMA: JSON text */
    str schema_name; /* may be empty */
    str schema_description;
    enum tri schema_strict;

    enum chat_effort effort;
    int64_t thinking_budget; /* tokens; CHAT_UNSET; 0 = off, -1 = the model decides */
    enum tri show_thinking;  /* thoughts are wanted in the answer */

    str user;         /* end-user id (user, metadata.user_id, safety_identifier) */
    str metadata;     /* JSON text */
    str service_tier; /* as written */
    str verbosity;
    str cache; /* JSON text: a cache mark for the whole request (prompt_cache_*, ...) */
    struct chat_str *modalities;

    struct chat_extra *own; /* members that only the dialect that read them looks at again: said in
                               the fields above, too, or the server's business. Nothing is lost
                               where they are left out */
    struct chat_extra *extras; /* top-level members nobody knows; passed on to the same dialect, and
                                  by OpenAI-like writers to OpenAI-like upstreams */
};

/* What write_chat needs to know about the deployment. */
struct chat_target {
    str model;        /* the upstream's name for it */
    uint64_t quirks;  /* chat/quirks.h */
    bool stream;      /* ask the upstream for a stream (also when the client did not) */
    bool drop_params; /* leave out what the target cannot express (else E_UNSUPPORTED) */
    bool modify_params;
    struct chat_str *allowed_params;     /* allowed_openai_params: sent whatever we think */
    int64_t max_tokens_default;          /* for vendors that demand one; CHAT_UNSET */
    const struct chat_extra *defaults;   /* default request parameters: the request's own win */
    const struct chat_extra *extra_body; /* set in the body in any case */
};

/* What a writer left out because the target has no place for it (only with drop_params, or where
 * leaving it out is harmless). Shown in x-sluice-dropped-params: the first CHAT_LOSSES_MAX. */
enum { CHAT_LOSSES_MAX = 32 };
struct chat_loss {
    struct arena *arena;
    struct chat_str *dropped; /* the field names, in the client's words */
};

/* With drop: notes the field and returns OK. Without: E_UNSUPPORTED naming it (e->where). */
MUST_CHECK rc chat_drop(struct chat_loss *loss, bool drop, str field, str target_name,
                        struct err *e);
/* Notes it, never fails: for losses that do not change what the user asked for. */
void chat_note_loss(struct chat_loss *loss, str field);

/* ---- answer --------------------------------------------------------------------------------- */

enum chat_finish {
    FINISH_NONE,
    FINISH_STOP,          /* natural end */
    FINISH_STOP_SEQUENCE, /* one of the caller's stop strings (text in stop_sequence if known) */
    FINISH_LENGTH,
    FINISH_TOOL_CALLS,
    FINISH_FILTER,  /* refused or blocked by a content filter */
    FINISH_PAUSE,   /* Anthropic pause_turn */
    FINISH_CONTEXT, /* model_context_window_exceeded */
    FINISH_ERROR,   /* the vendor says that the answer broke off: an upstream error */
};

/* Token counts; -1: not told. prompt includes cached and cache-written tokens, completion includes
 * reasoning (OpenAI's way; readers convert). */
struct chat_usage {
    int64_t prompt, completion, total;
    int64_t cache_read, cache_write, cache_write_1h;
    int64_t reasoning;
    int64_t audio_in, audio_out, image_in;
    bool seen;
};

#define CHAT_USAGE_NONE ((struct chat_usage){ -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, false })

/* One alternative of an answer (most vendors give exactly one). */
struct chat_choice {
    struct chat_choice *next;
    int64_t index;
    struct chat_part
        *parts; /* TEXT, THINKING, REDACTED, TOOL_CALL, REFUSAL, IMAGE, AUDIO, OPAQUE */
    enum chat_finish finish;
    str native_finish; /* the vendor's own word */
    str stop_sequence;
    str logprobs; /* JSON text in OpenAI's shape; empty if none */
    /* As chat_reply.extras: of the choice, and of the message in it. */
    struct chat_extra *extras, *message_extras;
};

struct chat_reply {
    enum dialect_id origin;
    str id;          /* the vendor's; empty if it gives none */
    str model;       /* the vendor's; writers show the name that the client asked for instead */
    int64_t created; /* seconds; 0 if not told */
    struct chat_choice *choices;
    struct chat_usage usage;
    str service_tier, system_fingerprint;
    /* Members as the vendor wrote them that the neutral form has no place for, or has in another
     * shape: the same dialect's writer puts them back (members_put_back), others leave them. */
    struct chat_extra *extras;
};

enum chat_error_kind {
    ERR_INVALID_REQUEST, /* 400 */
    ERR_CONTEXT_WINDOW,  /* 400: the prompt is too long */
    ERR_CONTENT_POLICY,  /* 400: blocked */
    ERR_AUTH,            /* 401 */
    ERR_BILLING,         /* 402 */
    ERR_PERMISSION,      /* 403 */
    ERR_NOT_FOUND,       /* 404 */
    ERR_TIMEOUT,         /* 408, 504 */
    ERR_CONFLICT,        /* 409 */
    ERR_TOO_LARGE,       /* 413 */
    ERR_UNPROCESSABLE,   /* 422 */
    ERR_RATE_LIMIT,      /* 429 */
    ERR_QUOTA,           /* 429 insufficient_quota: retrying does not help */
    ERR_SERVER,          /* 500 and the like */
    ERR_BAD_GATEWAY,     /* 502: the upstream answered nonsense or broke off */
    ERR_UNAVAILABLE,     /* 503 */
    ERR_OVERLOADED,      /* 529, overloaded_error */
};

struct chat_error {
    unsigned status; /* HTTP status, as the upstream gave it or as kind implies; 0 in a stream */
    enum chat_error_kind kind;
    str message; /* for people; never empty after chat_error_complete */
    str type;    /* the vendor's words; may be empty */
    str code;
    str param;
    int64_t retry_after_ms; /* -1: not told */
};

/* kind for an HTTP status, and the status a kind is answered with. */
enum chat_error_kind chat_error_kind_of(unsigned status);
unsigned chat_error_status(enum chat_error_kind kind);
/* Looks at message, type and code for the vendors' ways of saying "context window", "content
 * policy", "quota"; fills an empty message with "Provider returned HTTP 503". */
void chat_error_complete(struct chat_error *err, struct arena *a);

/* ---- stream --------------------------------------------------------------------------------- */

/* Order promised to writers (chat/stream.h keeps it, whatever a vendor does): START; then per
 * choice its parts, each TEXT/THINKING/... run in order, each call as CALL, ARGS*, CALL_END with
 * no event of another part of that choice in between; then FINISH once per choice; USAGE at most
 * once; DONE last. ERROR may come instead of anything after START and ends the stream. */
enum chat_event_kind {
    EV_START,     /* id, model, created (n) */
    EV_TEXT,      /* text */
    EV_THINKING,  /* text */
    EV_SIGNATURE, /* text: signature of the thinking just ended (or of what follows, Gemini) */
    EV_REDACTED,  /* text: encrypted thinking, whole */
    EV_REFUSAL,   /* text */
    EV_CALL,      /* call, id, name, custom; text: signature of the call or empty */
    EV_ARGS,      /* call, text: a piece of the arguments' JSON text */
    EV_CALL_END,  /* call */
    EV_MEDIA,     /* media: an image or audio that the model made, whole */
    EV_NOTES,     /* text: JSON text of annotations/citations in origin's shape */
    EV_LOGPROBS,  /* text: JSON text in OpenAI's shape, for the text just before */
    EV_OPAQUE,    /* text: JSON text of a vendor's block, whole */
    EV_FINISH,    /* finish, text: native word, id: stop sequence */
    EV_USAGE,     /* usage */
    EV_ERROR,     /* error */
    EV_DONE,
};

struct chat_event {
    enum chat_event_kind kind;
    enum dialect_id origin;
    uint32_t choice; /* index of the alternative */
    uint32_t call;   /* ordinal of the call within its choice: 0, 1, ... */
    bool custom;
    enum chat_finish finish;
    int64_t n; /* START: created, seconds, 0 if not told */
    str text, id, name, model;
    const struct chat_usage *usage;
    const struct chat_error *error;
    const struct chat_media *media;
};

/* Where a reader puts its events. The strs live until emit returns. */
struct chat_sink {
    void (*emit)(struct chat_sink *sink, const struct chat_event *ev);
};

/* ---- small helpers -------------------------------------------------------------------------- */

/* Append to a message / list (O(n) in the list: conversations are short; use a tail where not). */
struct chat_part *chat_add_part(struct arena *a, struct chat_part **list, enum part_kind kind);
struct chat_message *chat_add_message(struct arena *a, struct chat_message ***tail,
                                      enum chat_role role);
/* Appends a member that has no neutral place; name and json (JSON text) are borrowed. */
void chat_add_extra(struct arena *a, struct chat_extra ***tail, str name, str json);
/* A request in which nothing is given yet. include_usage is true. */
void chat_req_init(struct chat_req *r, enum dialect_id origin);
/* All text parts of a list joined; borrowed if there is only one. */
str chat_text_of(struct arena *a, const struct chat_part *parts, str separator);
/* The call with that id in the messages before `until` (NULL: all); NULL if there is none. */
const struct chat_call *chat_find_call(const struct chat_req *r, str id,
                                       const struct chat_message *until);
/* Ties results to calls: results without an id get one by name, else by order; results without a
 * name get it from their call; calls without an id get "call_<n>", without a name "unknown". Every
 * reader calls it last. */
void chat_link_results(struct chat_req *r, struct arena *a);

const char *chat_effort_name(enum chat_effort e); /* "low"; "" for EFFORT_UNSET */
enum chat_effort chat_effort_of(str name);        /* EFFORT_UNSET for an unknown word */
/* Effort <-> thinking budget in tokens: LiteLLM's numbers (minimal 128, low 1024, medium 2048, high
 * 4096), used where a target knows only the other. */
int64_t chat_effort_budget(enum chat_effort e);
enum chat_effort chat_budget_effort(int64_t budget);

/* A fresh id: prefix + 24 letters and digits from a CSPRNG-seeded generator. */
str chat_new_id(struct arena *a, str prefix);

#endif
