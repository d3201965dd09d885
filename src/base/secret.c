#include "base/secret.h"

#include "base/mem.h"

struct secret secret_new(str s)
{
    if (s.n == 0)
        return (struct secret){ 0 };
    struct secret x = { mem_alloc(s.n), s.n };
    memcpy(x.hidden_p, s.p, s.n);
    return x;
}

void secret_done(struct secret *s)
{
    if (s->hidden_p)
        explicit_bzero(s->hidden_p, s->hidden_n);
    mem_free(s->hidden_p);
    *s = (struct secret){ 0 };
}

bool secret_is_empty(const struct secret *s)
{
    return s->hidden_n == 0;
}

bool secret_eq(const struct secret *s, str given)
{
    return str_eq_secret((str){ s->hidden_p, s->hidden_n }, given);
}

str secret_reveal(const struct secret *s)
{
    return (str){ s->hidden_p, s->hidden_n };
}
