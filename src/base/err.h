/* err.h - what went wrong: a code to branch on, a text for people.
 *
 * rc is a struct so that an int, a bool or a size cannot pass for one. A function that can fail
 * returns rc and takes a struct err last; err is filled once, where the fault is found. Low layers
 * never log.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/str.h"

enum code {
    OK = 0,
    AGAIN,         /* needs more bytes */
    E_SYNTAX,      /* outside bytes that break their grammar */
    E_LIMIT,       /* over a stated limit */
    E_UNSUPPORTED, /* well-formed, but the target cannot express it (names the field) */
    E_NOT_FOUND,
    E_UPSTREAM, /* the other side answered wrongly */
    E_TIMEOUT,
    E_IO, /* a system call failed */
};

typedef struct {
    enum code code;
} rc;

struct err {
    const char *where; /* the module or field, a literal */
    size_t at;         /* byte offset (or line, where the module says so) */
    char text[256];    /* one plain sentence, no secrets, NUL-terminated */
};

#define RC(c)     ((rc){ (c) })
#define RC_OK     ((rc){ OK })
#define FAILED(r) ((r).code != OK)

/* The only macro that returns. */
#define TRY(x)                        \
    do {                              \
        rc rc_ = (x);                 \
        if (UNLIKELY(rc_.code != OK)) \
            return rc_;               \
    } while (0)

/* Fills e (which may be NULL) and returns the code as rc. */
rc fail(struct err *e, enum code code, const char *where, size_t at, const char *fmt, ...)
    PRINTF(5, 6);

#endif
