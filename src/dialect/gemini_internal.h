/* gemini_internal.h - what the files of the Gemini dialect share.
 *
 * gemini.c: table, relay; gemini_model.c: what each generation takes; gemini_schema.c: schemas both
 * ways; gemini_read.c: a client's request in; gemini_write.c, gemini_contents.c,
 * gemini_tools.c, gemini_config.c: an upstream's request out; gemini_reply.c: answers whole, usage;
 * gemini_stream.c: answers in frames; gemini_error.c: errors.
 *
 * The wire is proto3 JSON: names come in camelCase or snake_case, enums as words (rarely as
 * numbers), 64-bit integers as numbers or strings, bytes as base64. We write camelCase.
 */
#ifndef DIALECT_GEMINI_INTERNAL_H
#define DIALECT_GEMINI_INTERNAL_H

#include "dialect/dialect.h"
#include "json/write.h"

/* ---- models --------------------------------------------------------------------------------- */

enum gemini_thinking { GEMINI_NO_THINKING, GEMINI_BUDGET, GEMINI_LEVEL };

/* Bits of gemini_model.levels. */
enum { LEVEL_MINIMAL = 1, LEVEL_LOW = 2, LEVEL_MEDIUM = 4, LEVEL_HIGH = 8 };

struct gemini_model {
    uint8_t major, minor; /* 0.0: not a Gemini */
    bool system;          /* takes systemInstruction (Gemma does not) */
    bool thinking_off;    /* budget 0 is allowed */
    uint8_t levels;
    enum gemini_thinking thinking;
    int32_t budget_min, budget_max;
};

struct gemini_model gemini_model_of(str name);
static inline bool gemini_at_least(const struct gemini_model *m, unsigned major, unsigned minor)
{
    return m->major > major || (m->major == major && m->minor >= minor);
}

/* ---- members in either spelling ------------------------------------------------------------- */

enum { GEMINI_NAME_MAX = 64 };

/* The member `camel` of obj, written so or in snake_case. */
jval *gemini_get(jval *obj, str camel);
static inline str gemini_get_str(jval *obj, str camel)
{
    return jd_str(gemini_get(obj, camel));
}
/* name in camelCase, in buf if it is not that already. */
str gemini_camel(str name, char buf[GEMINI_NAME_MAX]);
/* A whole number, also one in quotes; otherwise if it is neither. */
int64_t gemini_i64(jval *v, int64_t otherwise);

/* ---- schemas -------------------------------------------------------------------------------- */

/* Writes a JSON Schema as the JSON Schema fields take it (parametersJsonSchema): what they do not
 * know is rewritten or left out. */
void gemini_write_json_schema(struct jw *w, jval *schema, struct arena *a);
/* Writes it as the older Schema message: an OpenAPI subset without references. */
void gemini_write_schema(struct jw *w, jval *schema, struct arena *a);
/* A Schema message as JSON Schema text. */
str gemini_read_schema(jval *schema, struct arena *a);
/* Whether it describes an object without properties: as good as no parameters. */
bool gemini_schema_is_empty(jval *schema);

/* ---- parts ---------------------------------------------------------------------------------- */

/* A foreign vendor's signature as a thoughtSignature (which must be base64), and back. Gemini's own
 * pass as they are. */
str gemini_signature_out(struct arena *a, str sig, enum dialect_id origin, bool redacted);
struct gemini_signature {
    str sig;
    enum dialect_id origin;
    bool redacted;
};
struct gemini_signature gemini_signature_in(struct arena *a, str sig);

/* What one part of a content is: the union's member, or OPAQUE. signature and thought besides. */
void gemini_read_media(struct chat_part *part, jval *inline_data, jval *file_data, struct arena *a);
enum part_kind gemini_media_kind(str mime);

/* ---- answers -------------------------------------------------------------------------------- */

enum chat_finish gemini_finish_of(jval *reason, str *ret_native);
/* The finish of an answer that has calls. */
enum chat_finish gemini_finish_with_calls(enum chat_finish finish, str native);
str gemini_finish_name(enum chat_finish finish);
bool gemini_read_usage(struct chat_usage *ret, jval *usage_metadata);
void gemini_write_usage(struct jw *w, const struct chat_usage *u);
/* logprobsResult in OpenAI's shape; empty if there is none. */
str gemini_logprobs(jval *result, struct arena *a);
/* groundingMetadata as an array of OpenAI's url_citation annotations; empty if it names nothing.
 * text is what its byte offsets point into; where they do not lie in it, the places are 0. */
str gemini_notes(jval *grounding, str text, struct arena *a);
/* Such an array (or Anthropic's citations) as groundingMetadata. */
void gemini_write_grounding(struct jw *w, str notes, struct arena *a);
/* logprobsResult with its key, from OpenAI's object; nothing if that has none. */
void gemini_write_logprobs(struct jw *w, str openai, struct arena *a);
/* A call's arguments as an object: {} where they are none. */
void gemini_write_args(struct jw *w, const struct chat_call *call, struct arena *a);
/* One part of an answer or of history. */
void gemini_write_text(struct jw *w, str text, bool thought, str signature);

/* The error in an error body or frame: {"error":{..}}, [{"error":{..}}]; false if there is none.
 * in_stream: status stays 0. */
bool gemini_find_error(struct chat_error *ret, unsigned status, jval *body, struct arena *a);

rc gemini_read_chat(struct chat_req *ret, jval *body, const struct dialect_path *path,
                    struct arena *a, struct err *e);
bool gemini_needs_bytes(const struct chat_part *p);
rc gemini_write_chat(struct buf *out, const struct chat_req *r, const struct chat_target *t,
                     struct chat_loss *loss, struct arena *a, struct err *e);
rc gemini_read_reply(struct chat_reply *ret, str body, struct chat_error *error, struct arena *a,
                     struct err *e);
void gemini_write_reply(struct buf *out, const struct chat_reply *r, const struct dialect_ctx *c);

enum { GEMINI_CHOICES_MAX = 8 }; /* alternatives in a stream: candidateCount goes up to 8 */

struct gemini_stream_reader {
    struct chat_usage usage; /* the last frame's: counters may fall within a stream */
    uint32_t calls[GEMINI_CHOICES_MAX];
    uint8_t seen, finished; /* bit per candidate */
    bool started, over;
};

struct gemini_stream_writer {
    char *args; /* of the open call, in the exchange's arena */
    size_t args_n, args_cap;
    str id, name, signature; /* of the open call */
    uint8_t finish[GEMINI_CHOICES_MAX];
    uint8_t finished;
    bool custom, overflow;
    bool array, any; /* one array instead of frames; something is out */
    struct chat_usage usage;
};

rc gemini_read_event(void *state, const struct sse_event *ev, struct chat_sink *sink,
                     struct arena *a, struct err *e);
bool gemini_read_end(void *state, struct chat_sink *sink);
void gemini_write_event(void *state, struct buf *out, const struct chat_event *ev,
                        const struct dialect_ctx *c);
void gemini_write_keepalive(void *state, struct buf *out, const struct dialect_ctx *c);
void gemini_write_array_event(void *state, struct buf *out, const struct chat_event *ev,
                              const struct dialect_ctx *c);

void gemini_read_error(struct chat_error *ret, unsigned status, str body, struct arena *a);
void gemini_write_error(struct buf *out, const struct chat_error *err, struct arena *a);
void gemini_write_stream_error(struct buf *out, const struct chat_error *err);

/* The path of a model's method (":embedContent") below a base. */
str gemini_path(str model, str method, bool base_has_path, struct arena *a);

#endif
