/* write.h - writes JSON into a buf, piece by piece, without a tree.
 *
 *     struct jw w;
 *     jw_init(&w, &out);
 *     jw_obj(&w);
 *     jw_kstr(&w, S("model"), model);
 *     jw_key(&w, S("messages"));
 *     jw_arr(&w);
 *     ...
 *     jw_arr_end(&w);
 *     jw_obj_end(&w);
 *     BUG_UNLESS(jw_complete(&w));
 *
 * Commas come by themselves. What is written is always valid JSON if the calls nest properly, which
 * is asserted (a value in an object needs its key first; at most JW_DEPTH_MAX levels). Strings may
 * be any bytes: what is not valid UTF-8 becomes U+FFFD. Running over the buf's maximum sets
 * out->full, checked by the caller once at the end.
 */
#ifndef JSON_WRITE_H
#define JSON_WRITE_H

#include "base/arena.h"
#include "base/buf.h"
#include "json/doc.h"

enum { JW_DEPTH_MAX = 64 };

struct jw {
    struct buf *out;
    uint64_t objects; /* bit d: level d+1 is an object */
    uint8_t depth;
    bool comma; /* the next key or value needs a comma before it */
    bool keyed; /* a key was written, its value is due */
};

void jw_init(struct jw *w, struct buf *out);
/* One whole value has been written. */
bool jw_complete(const struct jw *w);

void jw_obj(struct jw *w);
void jw_obj_end(struct jw *w);
void jw_arr(struct jw *w);
void jw_arr_end(struct jw *w);
/* Keys are escaped like any string; of literals (S("model")), which nearly all are, the compiler
 * knows that nothing is to be escaped. */
void jw_key_any(struct jw *w, str key);
void jw_key_plain(struct jw *w, str key);
static inline void jw_key(struct jw *w, str key)
{
#define JW_PLAIN_BYTES __builtin_strcspn(key.p, "\"\\\b\f\n\r\t")
    if (__builtin_constant_p(JW_PLAIN_BYTES) && JW_PLAIN_BYTES == key.n)
        jw_key_plain(w, key);
    else
        jw_key_any(w, key);
#undef JW_PLAIN_BYTES
}

void jw_str(struct jw *w, str s);
void jw_i64(struct jw *w, int64_t v);
void jw_u64(struct jw *w, uint64_t v);
/* The shortest text that reads back as v; null if v is not finite. */
void jw_f64(struct jw *w, double v);
void jw_bool(struct jw *w, bool v);
void jw_null(struct jw *w);
/* One JSON value, valid already (JSON text of chat.h); null if it is empty. */
void jw_raw(struct jw *w, str json);
/* A read value, compactly, numbers as they were written; null for NULL. */
void jw_val(struct jw *w, jval *v);
/* A string value in pieces: begin, any number of adds, end. */
void jw_str_begin(struct jw *w);
void jw_str_add(struct jw *w, str s); /* cut between characters, not inside them */
void jw_str_end(struct jw *w);

/* A key and its value. */
static inline void jw_kstr(struct jw *w, str key, str v)
{
    jw_key(w, key);
    jw_str(w, v);
}
static inline void jw_ki64(struct jw *w, str key, int64_t v)
{
    jw_key(w, key);
    jw_i64(w, v);
}
static inline void jw_ku64(struct jw *w, str key, uint64_t v)
{
    jw_key(w, key);
    jw_u64(w, v);
}
static inline void jw_kf64(struct jw *w, str key, double v)
{
    jw_key(w, key);
    jw_f64(w, v);
}
static inline void jw_kbool(struct jw *w, str key, bool v)
{
    jw_key(w, key);
    jw_bool(w, v);
}
static inline void jw_knull(struct jw *w, str key)
{
    jw_key(w, key);
    jw_null(w);
}
static inline void jw_kraw(struct jw *w, str key, str json)
{
    jw_key(w, key);
    jw_raw(w, json);
}
static inline void jw_kval(struct jw *w, str key, jval *v)
{
    jw_key(w, key);
    jw_val(w, v);
}
/* A key and its opening bracket. */
static inline void jw_kobj(struct jw *w, str key)
{
    jw_key(w, key);
    jw_obj(w);
}
static inline void jw_karr(struct jw *w, str key)
{
    jw_key(w, key);
    jw_arr(w);
}
/* Only if there is something to write: a string or JSON text that is not empty. */
static inline void jw_kstr_if(struct jw *w, str key, str v)
{
    if (v.n)
        jw_kstr(w, key, v);
}
static inline void jw_kraw_if(struct jw *w, str key, str json)
{
    if (json.n)
        jw_kraw(w, key, json);
}

/* ---- strings alone -------------------------------------------------------------------------- */

/* Appends s as the inside of a JSON string (no quotes). */
void json_escape(struct buf *out, str s);
/* The same with quotes. */
void json_quote(struct buf *out, str s);
/* The text of a valid JSON string, given with its quotes (json_member.value): borrowed from it if
 * nothing is escaped, else in the arena. Lone surrogates become U+FFFD. The empty str if quoted
 * does not stand in quotes. */
str json_unescape(struct arena *a, str quoted);

#endif
