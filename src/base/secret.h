/* secret.h - a key or password: a type without a formatter.
 *
 * There is no %-conversion, no JSON writer and no log call for it; the only ways out are
 * secret_reveal (for the bytes that go on the wire) and secret_eq. Wiped when done.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/str.h"

struct secret {
    char *hidden_p; /* do not read: use the functions */
    size_t hidden_n;
};

/* Takes a copy. An empty str makes an empty secret. */
struct secret secret_new(str s);
void secret_done(struct secret *s);
bool secret_is_empty(const struct secret *s);
/* Constant time in the content. */
bool secret_eq(const struct secret *s, str given);
/* The bytes themselves, for an Authorization field or a signer; valid until secret_done. */
str secret_reveal(const struct secret *s);

#endif
