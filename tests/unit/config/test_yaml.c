#include "config/yaml.h"

#include "base/buf.h"
#include "check.h"

struct fixture {
    struct arena a;
    struct diags d;
    struct err e;
};

static void begin(struct fixture *f)
{
    arena_init(&f->a);
    diags_init(&f->d);
}

static void end(struct fixture *f)
{
    diags_done(&f->d);
    arena_done(&f->a);
}

static struct ynode *parse(struct fixture *f, str text)
{
    struct ynode *root = NULL;
    CHECK_OK(yaml_read(&root, S("t.yaml"), text, &f->a, &f->d, &f->e), &f->e);
    return root;
}

static void scalars(void **state)
{
    static const struct {
        const char *text;
        enum ynode_kind kind;
        const char *number;
    } cases[] = {
        { "x: true", Y_BOOL, NULL },      { "x: True", Y_BOOL, NULL },
        { "x: off", Y_BOOL, NULL },       { "x: 'true'", Y_STR, NULL },
        { "x: null", Y_NULL, NULL },      { "x: ~", Y_NULL, NULL },
        { "x:", Y_NULL, NULL },           { "x: ''", Y_STR, NULL },
        { "x: 5", Y_NUM, "5" },           { "x: -5", Y_NUM, "-5" },
        { "x: +5", Y_NUM, "5" },          { "x: 0", Y_NUM, "0" },
        { "x: 8e-6", Y_NUM, "8e-6" },     { "x: 1.5E+3", Y_NUM, "1.5E+3" },
        { "x: .5", Y_NUM, "0.5" },        { "x: 5.", Y_NUM, "5.0" },
        { "x: -.5e1", Y_NUM, "-0.5e1" },  { "x: 1_000_000", Y_NUM, "1000000" },
        { "x: 2024-10-21", Y_STR, NULL }, { "x: 007", Y_STR, NULL },
        { "x: 0x1f", Y_STR, NULL },       { "x: 1e", Y_STR, NULL },
        { "x: .", Y_STR, NULL },          { "x: 12:30", Y_STR, NULL },
        { "x: 1.2.3", Y_STR, NULL },      { "x: \"5\"", Y_STR, NULL },
        { "x: !!str 5", Y_STR, NULL },    { "x: .inf", Y_STR, NULL },
        { "x: -", Y_LIST, NULL },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        struct err e;
        struct ynode *root;
        begin(&f);
        if (FAILED(yaml_read(&root, S("t"), str_c(cases[i].text), &f.a, &f.d, &e))) {
            if (cases[i].kind != Y_LIST) /* "x: -" is not YAML */
                fail_msg("%s: %s", cases[i].text, e.text);
            end(&f);
            continue;
        }
        struct ynode *x = ynode_get(root, S("x"));
        if (x->kind != cases[i].kind)
            fail_msg("%s: kind %d", cases[i].text, (int)x->kind);
        if (cases[i].number)
            CHECK_STR(x->number, str_c(cases[i].number));
        end(&f);
    }
}

static void places(void **state)
{
    struct fixture f;
    begin(&f);
    struct ynode *root = parse(&f, S("a: 1\nlist:\n  - x: y\n  - {k: v}\n"));
    struct ynode *list = ynode_get(root, S("list"));
    assert_int_equal(list->kind, Y_LIST);
    assert_int_equal(list->n, 2);
    struct ynode *y = ynode_get(list->items[0], S("x"));
    assert_int_equal(y->line, 3);
    assert_int_equal(y->column, 8);
    assert_int_equal(ynode_get(list->items[1], S("k"))->line, 4);
    CHECK_STR(y->file, S("t.yaml"));
    end(&f);
}

static void anchors_and_merges(void **state)
{
    struct fixture f;
    begin(&f);
    struct ynode *root = parse(&f, S("base: &b {x: 1, y: 2}\n"
                                     "more: &m {y: 3, z: 4}\n"
                                     "one: {<<: *b, x: 9}\n"
                                     "two:\n  <<: [*b, *m]\n"
                                     "same: *b\n"));
    struct ynode *one = ynode_get(root, S("one")), *two = ynode_get(root, S("two"));
    CHECK_STR(ynode_get(one, S("x"))->text, S("9"));
    CHECK_STR(ynode_get(one, S("y"))->text, S("2"));
    assert_int_equal(one->n, 2);
    CHECK_STR(ynode_get(two, S("y"))->text, S("2"));
    CHECK_STR(ynode_get(two, S("z"))->text, S("4"));
    assert_ptr_equal(ynode_get(root, S("same")), ynode_get(root, S("base")));
    assert_int_equal(f.d.nwarnings, 0);
    end(&f);
}

static void twice_the_same_key(void **state)
{
    struct fixture f;
    struct buf big;
    begin(&f);
    struct ynode *root = parse(&f, S("a: 1\nb: 2\na: 3\n"));
    CHECK_STR(ynode_get(root, S("a"))->text, S("3"));
    assert_int_equal(root->n, 2);
    assert_int_equal(f.d.nwarnings, 1);
    assert_int_equal(f.d.first->line, 3);
    end(&f);

    /* the same where an index is used */
    begin(&f);
    buf_init(&big, 1 << 20);
    for (int i = 0; i < 100; i++)
        buf_fmt(&big, "k%d: %d\n", i, i);
    buf_add(&big, S("k7: seven\nk99: last\n"));
    root = parse(&f, buf_str(&big));
    assert_int_equal(root->n, 100);
    CHECK_STR(ynode_get(root, S("k7"))->text, S("seven"));
    CHECK_STR(ynode_get(root, S("k99"))->text, S("last"));
    assert_int_equal(f.d.nwarnings, 2);
    buf_done(&big);
    end(&f);
}

static void limits(void **state)
{
    struct fixture f;
    struct ynode *root;
    struct buf b;
    buf_init(&b, 1 << 20);
    for (int i = 0; i < 100; i++)
        buf_chr(&b, '[');
    begin(&f);
    assert_int_equal(yaml_read(&root, S("t"), buf_str(&b), &f.a, &f.d, &f.e).code, E_LIMIT);
    assert_int_equal(f.d.nerrors, 1);
    end(&f);

    /* nine levels of nine aliases: half a billion values */
    buf_clear(&b);
    buf_add(&b, S("a0: &a0 [x,x,x,x,x,x,x,x,x]\n"));
    for (int i = 1; i < 9; i++) {
        buf_fmt(&b, "a%d: &a%d [", i, i);
        for (int k = 0; k < 9; k++)
            buf_fmt(&b, "%s*a%d", k ? "," : "", i - 1);
        buf_add(&b, S("]\n"));
    }
    begin(&f);
    assert_int_equal(yaml_read(&root, S("t"), buf_str(&b), &f.a, &f.d, &f.e).code, E_LIMIT);
    end(&f);

    /* the same by depth, and by the length of a text */
    buf_clear(&b);
    buf_add(&b, S("a0: &a0 x\n"));
    for (int i = 1; i < 80; i++)
        buf_fmt(&b, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    begin(&f);
    assert_int_equal(yaml_read(&root, S("t"), buf_str(&b), &f.a, &f.d, &f.e).code, E_LIMIT);
    end(&f);

    buf_clear(&b);
    buf_add(&b, S("t: &t "));
    for (int i = 0; i < 100000; i++)
        buf_chr(&b, 'x');
    buf_add(&b, S("\nl:\n"));
    for (int i = 0; i < 2000; i++)
        buf_add(&b, S("  - *t\n"));
    begin(&f);
    assert_int_equal(yaml_read(&root, S("t"), buf_str(&b), &f.a, &f.d, &f.e).code, E_LIMIT);
    end(&f);
    buf_done(&b);
}

static void not_yaml(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
    } cases[] = {
        { "a: b: c\n", 1 },     { "a: 1\n\tb: 2\n", 2 }, { "a: [1, 2\n", 2 },
        { "a: *nowhere\n", 1 }, { "[1]: x\n", 1 },       { "a: \"x\n", 2 },
        { "a: @x\n", 1 },       { "&a [*a]\n", 1 },      { "a: \xff\xfe\n", 0 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        struct ynode *root;
        begin(&f);
        rc r = yaml_read(&root, S("t"), str_c(cases[i].text), &f.a, &f.d, &f.e);
        if (!FAILED(r) || f.d.nerrors != 1)
            fail_msg("%s: code %d, %zu errors", cases[i].text, (int)r.code, f.d.nerrors);
        if (cases[i].line && f.d.first->line != cases[i].line)
            fail_msg("%s: line %u", cases[i].text, f.d.first->line);
        if (!f.d.first->remedy.n)
            fail_msg("%s: no remedy", cases[i].text);
        end(&f);
    }
}

static void documents(void **state)
{
    struct fixture f;
    begin(&f);
    assert_int_equal(parse(&f, S(""))->kind, Y_NULL);
    assert_int_equal(parse(&f, S("# only a comment\n"))->kind, Y_NULL);
    assert_int_equal(f.d.nwarnings, 0);
    CHECK_STR(ynode_get(parse(&f, S("a: 1\n---\na: 2\n")), S("a"))->text, S("1"));
    assert_int_equal(f.d.nwarnings, 1);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars),
        cmocka_unit_test(places),
        cmocka_unit_test(anchors_and_merges),
        cmocka_unit_test(twice_the_same_key),
        cmocka_unit_test(limits),
        cmocka_unit_test(not_yaml),
        cmocka_unit_test(documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
