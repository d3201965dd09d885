/* json_scan takes a text if and only if yyjson does (apart from depth, and halves of surrogate
 * pairs, which are read as U+FFFD), and so does jd_read, with the same error; the tree is the one
 * that yyjson makes; members found are the tree's. */
#include <stdlib.h>

#include "json/doc.h"
#include "json/write.h"

/* Values as they lie: kinds, lengths, texts, and how far it is to the next. */
static void check_same(jval *mine, jval *theirs)
{
    jval *end = unsafe_yyjson_get_next(theirs);
    BUG_UNLESS(unsafe_yyjson_get_next(mine) - mine == end - theirs);
    for (; theirs < end; mine++, theirs++) {
        BUG_UNLESS(jd_kind(mine) == jd_kind(theirs) && jd_count(mine) == jd_count(theirs));
        BUG_UNLESS(str_eq(jd_str(mine), jd_str(theirs)) && str_eq(jd_num(mine), jd_num(theirs)));
        BUG_UNLESS((char *)unsafe_yyjson_get_next(mine) - (char *)mine ==
                   (char *)unsafe_yyjson_get_next(theirs) - (char *)theirs);
        if (jd_is_str(mine))
            BUG_UNLESS(jd_str(mine).p[jd_str(mine).n] == 0);
        if (jd_is_num(mine))
            BUG_UNLESS(jd_num(mine).p[jd_num(mine).n] == 0);
    }
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
    jval *copied;
    struct arena a;

    rc r = json_scan(text, wanted, COUNT_OF(wanted), &top, &e);
    yyjson_doc *theirs =
        yyjson_read_opts((char *)(uintptr_t)text.p, text.n, YYJSON_READ_NUMBER_AS_RAW, NULL, NULL);
    if (theirs)
        BUG_UNLESS(r.code == OK || r.code == E_LIMIT);

    arena_init(&a);
    struct err again;
    BUG_UNLESS(jd_read(&copied, text, &a, &again).code == r.code);
    if (r.code != OK)
        BUG_UNLESS(again.at == e.at && strcmp(again.text, e.text) == 0);
    if (r.code == OK) {
        str once = jd_text(copied, &a);
        if (theirs)
            check_same(copied, yyjson_doc_get_root(theirs));
        BUG_UNLESS(jd_kind(copied) == top);
        for (size_t i = 0; i < COUNT_OF(wanted); i++)
            check_member(&wanted[i], copied, &a);
        BUG_UNLESS(jd_read(&copied, once, &a, &e).code == OK);
        BUG_UNLESS(str_eq(once, jd_text(copied, &a)));
    }
    yyjson_doc_free(theirs);
    arena_done(&a);
    return 0;
}
