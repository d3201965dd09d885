/* Whose is what, and what goes first. */
#include "server/response_store.h"

#include "check.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)

static struct stored_response entry(const char *id, uint64_t owner)
{
    return (struct stored_response){
        .id = str_c(id), .items = S("items"), .body = S("{}"), .owner = owner
    };
}

static bool has(struct response_store *s, const char *id, uint64_t owner, int64_t now)
{
    struct arena a;
    struct stored_response r;
    arena_init(&a);
    bool found = response_store_get(s, str_c(id), owner, now, &a, &r);
    if (found)
        CHECK_STR(r.items, S("items"));
    arena_done(&a);
    return found;
}

static void entries_belong_to_their_owner(void **state)
{
    struct response_store *s = response_store_new(1 << 20);
    struct stored_response r = entry("resp_1", 7);
    response_store_put(s, &r, 0);
    assert_true(has(s, "resp_1", 7, 0));
    assert_false(has(s, "resp_1", 8, 0));
    assert_false(has(s, "resp_1", 0, 0));
    assert_false(has(s, "resp_2", 7, 0));
    assert_false(response_store_del(s, S("resp_1"), 8, 0));
    assert_true(response_store_del(s, S("resp_1"), 7, 0));
    assert_false(response_store_del(s, S("resp_1"), 7, 0));
    assert_int_equal(response_store_bytes(s), 0);
    response_store_free(s);
}

static void the_least_recently_used_goes(void **state)
{
    struct response_store *s = response_store_new(4096);
    char id[16];
    struct stored_response r = entry("resp_keep", 1);
    response_store_put(s, &r, 0);
    for (int i = 0; i < 200; i++) {
        snprintf(id, sizeof(id), "resp_%d", i);
        r = entry(id, 1);
        response_store_put(s, &r, 0);
        assert_true(has(s, "resp_keep", 1, 0)); /* used all along */
        assert_true(response_store_bytes(s) <= 4096);
    }
    assert_false(has(s, "resp_0", 1, 0));
    assert_true(has(s, "resp_199", 1, 0));
    response_store_free(s);
}

static void what_is_too_large_or_too_old_is_not_there(void **state)
{
    static char large[2000];
    struct response_store *s = response_store_new(4096);
    struct stored_response r = entry("resp_large", 1);
    r.body = (str){ large, sizeof(large) };
    response_store_put(s, &r, 0);
    assert_false(has(s, "resp_large", 1, 0));
    r = entry("resp_old", 1);
    response_store_put(s, &r, 0);
    assert_true(has(s, "resp_old", 1, 30 * DAY_MS));
    assert_false(has(s, "resp_old", 1, 30 * DAY_MS + 1));
    assert_int_equal(response_store_bytes(s), 0);
    r = entry("resp_twice", 1);
    response_store_put(s, &r, 0);
    size_t bytes = response_store_bytes(s);
    response_store_put(s, &r, 0);
    assert_int_equal(response_store_bytes(s), bytes);
    response_store_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_belong_to_their_owner),
        cmocka_unit_test(the_least_recently_used_goes),
        cmocka_unit_test(what_is_too_large_or_too_old_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
