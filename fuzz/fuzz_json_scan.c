/* json_scan takes a text if and only if yyjson does (apart from depth, and halves of surrogate
 * pairs, which jd_read mends); both ways of reading give the same tree; members found are the
 * tree's. */
#include <stdlib.h>

#include "json/doc.h"
#include "json/write.h"

static bool yyjson_takes(str text)
{
    yyjson_doc *d =
        yyjson_read_opts((char *)(uintptr_t)text.p, text.n, YYJSON_READ_NUMBER_AS_RAW, NULL, NULL);
    yyjson_doc_free(d);
    return d != NULL;
}

static void check_member(const struct json_member *m, jval *root, struct arena *a)
{
    jval *v = jd_get(root, m->name);
    BUG_UNLESS(jd_kind(v) == m->kind);
    if (m->kind == JSON_STRING)
        BUG_UNLESS(str_eq(json_unescape(a, m->value), jd_str(v)));
    if (m->kind == JSON_NUMBER)
        BUG_UNLESS(str_eq(m->value, jd_num(v)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    str text = { (const char *)data, n };
    struct json_member wanted[] = { { .name = S("model") },
                                    { .name = S("\n") },
                                    { .name = S("a") } };
    struct err e;
    enum json_kind top;
    jval *copied, *in_place;
    struct arena a;
    struct buf b;

    rc r = json_scan(text, wanted, COUNT_OF(wanted), &top, &e);
    if (yyjson_takes(text))
        BUG_UNLESS(r.code == OK || r.code == E_LIMIT);

    arena_init(&a);
    buf_init(&b, n + 8);
    buf_add(&b, text);
    BUG_UNLESS(jd_read(&copied, text, &a, &e).code == r.code);
    BUG_UNLESS(jd_read_insitu(&in_place, &b, &a, &e).code == r.code);
    if (r.code == OK) {
        str once = jd_text(copied, &a);
        BUG_UNLESS(str_eq(once, jd_text(in_place, &a)));
        BUG_UNLESS(jd_kind(copied) == top);
        for (size_t i = 0; i < COUNT_OF(wanted); i++)
            check_member(&wanted[i], copied, &a);
        BUG_UNLESS(jd_read(&copied, once, &a, &e).code == OK);
        BUG_UNLESS(str_eq(once, jd_text(copied, &a)));
    }
    buf_done(&b);
    arena_done(&a);
    return 0;
}
