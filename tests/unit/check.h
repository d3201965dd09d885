/* check.h - cmocka with the includes it wants, and comparisons for str. */
#ifndef TESTS_UNIT_CHECK_H
#define TESTS_UNIT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

/* fail() is base/err.h's here, not cmocka's. */
#undef fail
#undef fail_msg
#define fail_msg(...)                       \
    do {                                    \
        print_error("ERROR: " __VA_ARGS__); \
        print_error("\n");                  \
        _fail(__FILE__, __LINE__);          \
    } while (0)

#include "base/str.h"

/* Fails with both values shown. */
#define CHECK_STR(got, want)                                                           \
    do {                                                                               \
        str got_ = (got), want_ = (want);                                              \
        if (!str_eq(got_, want_))                                                      \
            fail_msg("%s\n  got:  %.*s\n  want: %.*s", #got, STRF(got_), STRF(want_)); \
    } while (0)

#define CHECK_OK(call, errp)                                                  \
    do {                                                                      \
        rc got_ = (call);                                                     \
        if (got_.code != OK)                                                  \
            fail_msg("%s: code %d: %s", #call, (int)got_.code, (errp)->text); \
    } while (0)

#endif
