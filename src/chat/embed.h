/* embed.h - embeddings, neutral: what the embedding APIs are read into and written from.
 *
 * Ownership: as in chat.h, everything lives in the exchange's arena or borrows from a body.
 * Vectors are never computed with: they stay the JSON text (or the base64) they came as, and are
 * turned into the other form only where the caller asked for it.
 */
#ifndef CHAT_EMBED_H
#define CHAT_EMBED_H

#include "base/buf.h"
#include "chat/chat.h"

/* What the vectors are for. Vendors have words of their own for the same few purposes. */
enum embed_task {
    EMBED_TASK_UNSET,
    EMBED_TASK_DOCUMENT,
    EMBED_TASK_QUERY,
    EMBED_TASK_CLASSIFICATION,
    EMBED_TASK_CLUSTERING,
    EMBED_TASK_SIMILARITY,
    EMBED_TASK_QUESTION, /* Gemini only, as the two below */
    EMBED_TASK_FACT,
    EMBED_TASK_CODE,
    EMBED_TASK_COUNT,
};

/* Who speaks: columns of the table of words. */
enum embed_words { EMBED_WORDS_COHERE, EMBED_WORDS_GEMINI, EMBED_WORDS_VOYAGE, EMBED_WORDS_JINA };

/* Any vendor's word; EMBED_TASK_UNSET for another one. */
enum embed_task embed_task_of(str word);
/* That vendor's word, the nearest it has; empty for EMBED_TASK_UNSET or if there is none. */
str embed_task_word(enum embed_task task, enum embed_words whose);

/* One thing to embed: exactly one member is set. */
struct embed_input {
    str text;
    str tokens; /* JSON text of an array of token ids */
    str image;  /* URL or data URL */
    str raw;    /* JSON text of a whole item that only its origin understands */
};

struct embed_req {
    enum dialect_id origin;
    struct embed_input *inputs;
    size_t ninputs;
    int64_t dimensions; /* CHAT_UNSET */
    enum embed_task task;
    enum tri truncate; /* cut what is too long, rather than refuse it */
    str title;         /* of the document (Gemini) */
    str user;
    bool base64;               /* the caller wants base64 */
    bool single;               /* the caller's API answers one vector, not a list */
    bool types;                /* Cohere v2: vectors by type */
    struct chat_extra *extras; /* members that only the same vendor may know */
};

/* floats or base64 is set. */
struct embed_vector {
    str floats; /* JSON text of an array of numbers */
    str base64; /* little-endian float32s */
};

struct embed_reply {
    struct embed_vector *vectors; /* in the order of the inputs */
    size_t n;
    struct chat_usage usage;
};

/* A JSON array of numbers as base64 of little-endian float32s (OpenAI's form). False: it is no such
 * array; out then holds what it held. */
MUST_CHECK bool embed_add_base64(struct buf *out, str floats);
/* The way back: a JSON array of numbers, each with the fewest digits that name that float32. */
MUST_CHECK bool embed_add_floats(struct buf *out, str base64);

#endif
