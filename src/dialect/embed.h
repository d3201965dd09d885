/* embed.h - the vendors' embedding APIs: read into and written from chat/embed.h.
 *
 * One row per dialect that has one, beside the dialect itself; Anthropic has none. Where caller and
 * vendor speak the same API the request is spliced and none of this is used.
 */
#ifndef DIALECT_EMBED_H
#define DIALECT_EMBED_H

#include "chat/embed.h"
#include "dialect/dialect.h"
#include "json/write.h"

struct embed_api {
    /* A caller's request, into zeroed memory. E_SYNTAX: e->where names the member. */
    rc (*read)(struct embed_req *ret, jval *body, struct arena *a, struct err *e);
    /* Appends the body for a vendor. E_SYNTAX, E_UNSUPPORTED: it cannot be asked there. */
    rc (*write)(struct buf *out, const struct embed_req *r, const struct chat_target *t,
                struct chat_loss *loss, struct arena *a, struct err *e);
    /* Below the deployment's base, as dialect.chat_path. */
    str (*path)(const struct embed_req *r, const struct chat_target *t, bool base_has_path,
                struct arena *a);
    /* Into zeroed memory. E_UPSTREAM: not what this vendor answers. */
    rc (*read_reply)(struct embed_reply *ret, str body, struct arena *a, struct err *e);
    /* E_UPSTREAM: a vector is not one. */
    rc (*write_reply)(struct buf *out, const struct embed_reply *v, const struct embed_req *r,
                      const struct dialect_ctx *c, struct err *e);
    size_t inputs_max; /* of one request; 0: no limit known */
};

/* NULL: that dialect has no embeddings. */
const struct embed_api *embed_api_get(enum dialect_id id);

extern const struct embed_api embed_openai, embed_cohere, embed_gemini, embed_ollama;

/* ---- for the files of the APIs -------------------------------------------------------------- */

/* A string, or an array of strings; with tokens also an array of numbers or of arrays of them.
 * E_SYNTAX otherwise, or if there is nothing. */
rc embed_read_inputs(struct embed_req *r, jval *v, const char *name, bool tokens, struct arena *a,
                     struct err *e);
/* The vectors of an array of arrays of numbers. */
rc embed_read_rows(struct embed_reply *ret, jval *rows, struct arena *a, struct err *e);
/* E_SYNTAX if an input is something else than text. */
rc embed_only_text(const struct embed_req *r, const char *vendor, struct err *e);
/* Writes the vector in the form wanted: a JSON array, or a string of base64. */
rc embed_write_vector(struct jw *w, const struct embed_vector *v, bool base64, struct err *e);

#endif
