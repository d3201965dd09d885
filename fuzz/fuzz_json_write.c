/* Whatever is written, in any nesting and with any bytes in strings, is one valid JSON value, and
 * its strings read back as they were (where they were UTF-8). */
#include <stdlib.h>

#include "json/splice.h"
#include "json/write.h"

struct feed {
    str rest;
};

static unsigned next_byte(struct feed *f)
{
    if (f->rest.n == 0)
        return 0;
    unsigned c = (unsigned char)f->rest.p[0];
    f->rest = str_skip(f->rest, 1);
    return c;
}

static str next_str(struct feed *f)
{
    str s = str_take(f->rest, next_byte(f) % 40);
    f->rest = str_skip(f->rest, s.n);
    return s;
}

static void write_one(struct jw *w, struct feed *f, unsigned what)
{
    uint64_t bits = 0;
    double d;
    switch (what % 6) {
    case 0:
        jw_str(w, next_str(f));
        break;
    case 1:
        jw_i64(w, (int64_t)next_byte(f) - 128);
        break;
    case 2:
        for (int i = 0; i < 8; i++)
            bits = bits << 8 | next_byte(f);
        memcpy(&d, &bits, 8);
        jw_f64(w, d);
        break;
    case 3:
        jw_bool(w, what & 64);
        break;
    case 4:
        jw_str_begin(w);
        jw_str_add(w, next_str(f));
        jw_str_add(w, next_str(f));
        jw_str_end(w);
        break;
    default:
        jw_null(w);
    }
}

static void write_value(struct buf *out, struct feed *f)
{
    struct jw w;
    bool objects[JW_DEPTH_MAX];
    unsigned depth = 0;
    jw_init(&w, out);
    do {
        unsigned what = next_byte(f);
        bool close = depth && (what < 60 || f->rest.n == 0);
        if (close) {
            depth--;
            (objects[depth] ? jw_obj_end : jw_arr_end)(&w);
            continue;
        }
        if (depth && objects[depth - 1])
            jw_key(&w, next_str(f));
        if (what > 180 && depth < JW_DEPTH_MAX) {
            objects[depth] = what & 1;
            (objects[depth++] ? jw_obj : jw_arr)(&w);
        } else {
            write_one(&w, f, what);
        }
    } while (depth);
    BUG_UNLESS(jw_complete(&w));
}

static void strings_survive(str s, struct arena *a)
{
    struct buf b;
    struct err e;
    jval *v;
    buf_init(&b, s.n * 6 + 2);
    json_quote(&b, s);
    BUG_UNLESS(jd_read(&v, buf_str(&b), a, &e).code == OK && jd_is_str(v));
    BUG_UNLESS(str_eq(json_unescape(a, buf_str(&b)), jd_str(v)));
    BUG_UNLESS(str_is_utf8(jd_str(v)));
    if (str_is_utf8(s))
        BUG_UNLESS(str_eq(jd_str(v), s));
    buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct feed f = { { (const char *)data, n } };
    struct buf b, edited;
    struct arena a;
    struct err e;
    jval *v;
    arena_init(&a);
    buf_init(&b, SIZE_MAX / 4);
    buf_init(&edited, SIZE_MAX / 4);
    strings_survive(f.rest, &a);
    write_value(&b, &f);
    BUG_UNLESS(jd_read(&v, buf_str(&b), &a, &e).code == OK);

    struct json_member m = { .name = S("a") };
    BUG_UNLESS(json_scan(buf_str(&b), &m, 1, NULL, &e).code == OK);
    if (jd_is_obj(v)) {
        struct json_edit edits[2] = { json_edit_insert(buf_str(&b), S("\"b\":[1],")) };
        size_t count = 1;
        if (m.kind != JSON_NONE)
            edits[count++] = json_edit_value(buf_str(&b), &m, S("{\"c\":2}"));
        json_splice(&edited, buf_str(&b), edits, count);
        BUG_UNLESS(edited.n == json_splice_bytes(buf_str(&b), edits, count));
        BUG_UNLESS(json_scan(buf_str(&edited), &m, 1, NULL, &e).code == OK);
        BUG_UNLESS(m.kind == JSON_NONE || str_eq(m.value, S("{\"c\":2}")));
    }
    buf_done(&edited);
    buf_done(&b);
    arena_done(&a);
    return 0;
}
