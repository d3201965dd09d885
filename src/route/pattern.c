#include "route/internal.h"

bool pattern_is(str name)
{
    return str_index(name, '*') < name.n;
}

/* Where the last occurrence of part in s[from, to) begins; SIZE_MAX if there is none. */
static size_t find_last(str s, size_t from, size_t to, str part)
{
    if (part.n == 0)
        return to;
    for (size_t i = to; i >= from + part.n; i--)
        if (memcmp(s.p + i - part.n, part.p, part.n) == 0)
            return i - part.n;
    return SIZE_MAX;
}

/* The parts between the stars are placed from the right, so that the first star is the greediest.
 */
bool pattern_match(str pattern, str s, str captures[ROUTE_CAPTURES_MAX], size_t *ret_n)
{
    str parts[ROUTE_CAPTURES_MAX + 1], rest = pattern;
    size_t at[ROUTE_CAPTURES_MAX + 1] = { 0 }, n = 0;
    while (rest.p) {
        if (n == COUNT_OF(parts))
            return false;
        parts[n++] = str_cut(&rest, '*');
    }
    if (n < 2 || !str_starts(s, parts[0]))
        return false;
    size_t end = s.n;
    for (size_t i = n - 1; i > 0; i--) {
        at[i] = find_last(s, parts[0].n, end, parts[i]);
        if (at[i] == SIZE_MAX)
            return false;
        end = at[i];
    }
    for (size_t i = 1; i < n; i++) {
        size_t begin = at[i - 1] + parts[i - 1].n;
        captures[i - 1] = (str){ s.p + begin, at[i] - begin };
    }
    *ret_n = n - 1;
    return true;
}
