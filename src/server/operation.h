/* operation.h - what can be asked of a model beside chat: embeddings, ranking, pictures, speech.
 *
 * A row says where a request finds its model, where it goes below a vendor's base and, if vendors
 * differ, how it is put in another vendor's words. All the rest is the call's: plan, attempts,
 * health, prices, log, cancelling, back-pressure.
 *
 * To add one that only OpenAI-like vendors have: a row here, a row in admin/endpoints.c. One that
 * is translated also gets a neutral form in chat/ and the vendors' sides in dialect/ (see embed).
 */
#ifndef SERVER_OPERATION_H
#define SERVER_OPERATION_H

#include "server/call.h"

struct operation {
    const char *name;          /* "embeddings": for people */
    const char *tail;          /* below the base of an OpenAI-like vendor */
    bool pass;                 /* everything passes as it is: see pass.h */
    bool form;                 /* multipart/form-data: only the model's value is changed */
    bool whole;                /* the answer is one JSON body, whatever its Content-Type */
    bool fields;               /* the request fields that a chat of that dialect has */
    const char *default_model; /* where the model may be left out; NULL: it may not */

    /* The rest is NULL where OpenAI-like vendors alone have it, all in the same words. */

    /* Answered by the gateway itself, by `answer` with an empty body, once prepare has read what
     * was asked (E_SYNTAX). */
    bool (*here)(const struct call *c);
    rc (*prepare)(struct call *c, struct err *e);
    /* The client's bytes will do for this deployment, but for the model. */
    bool (*splices)(const struct call *c);
    /* So will the vendor's answer, where they did. NULL: always. */
    bool (*passes)(const struct call *c, str body);
    /* Appends the body in the vendor's words. E_NOT_FOUND: that vendor has no such thing. */
    rc (*write)(struct call *c, struct buf *out, struct err *e);
    str (*path)(const struct call *c);
    /* The vendor's answer in the caller's words. */
    rc (*answer)(struct call *c, struct buf *out, str body, struct chat_usage *u, struct err *e);
};

extern const struct operation operation_pass, operation_count, operation_compact,
    operation_embeddings, operation_rerank, operation_moderations, operation_images,
    operation_image_edits, operation_image_variations, operation_speech, operation_transcriptions,
    operation_translations, operation_token_counter;

/* ---- for the files of the call -------------------------------------------------------------- */

/* The model's name in a form: into the members, as if it had stood in JSON. */
rc operation_find_model(struct call *c, struct err *e);
/* The present deployment need not be asked. */
bool operation_is_here(const struct call *c);
/* c->dep can be asked at all. E_NOT_FOUND. */
rc operation_check(struct call *c, struct err *e);
bool operation_splices(const struct call *c);
/* The form's bytes with the model's value replaced. */
size_t operation_form(struct call *c, str *pieces);
str operation_path(const struct call *c);
/* What the present deployment is, for writers. */
struct chat_target call_target(const struct call *c);
/* Members of a request that are the gateway's own business and not the upstream's. */
bool call_is_ours(const struct call *c, str name);
/* Takes them off a list. */
void call_drop_ours(const struct call *c, struct chat_extra **list);
/* Appends the answer as the client gets it, and fills *u. E_UPSTREAM: it is none (error is filled
 * if it says so itself). */
rc operation_answer(struct call *c, struct buf *out, str body, struct chat_usage *u,
                    struct chat_error *error, struct err *e);

#endif
