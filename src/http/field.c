#include "http/field.h"

#include "http/chars.h"

str http_media_type(str value)
{
    return str_trim(str_cut(&value, ';'));
}

/* Takes "=value" or "="quoted"" off the front of *rest. False: it is neither. */
static bool take_value(str *rest, str *ret)
{
    size_t n = 0;
    if (!str_starts(*rest, S("=")))
        return false;
    *rest = str_skip(*rest, 1);
    if (str_starts(*rest, S("\""))) {
        *rest = str_skip(*rest, 1);
        while (n < rest->n && rest->p[n] != '"')
            n += rest->p[n] == '\\' ? 2 : 1;
        if (n >= rest->n)
            return false;
        *ret = str_take(*rest, n);
        *rest = str_skip(*rest, n + 1);
        return true;
    }
    while (n < rest->n && chars_is(rest->p[n], CHAR_TOKEN))
        n++;
    *ret = str_take(*rest, n);
    *rest = str_skip(*rest, n);
    return n > 0;
}

static str skip_blanks(str s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = str_skip(s, 1);
    return s;
}

str http_param(str value, str name)
{
    str rest = value, v;
    str_cut(&rest, ';');
    while (rest.p) {
        rest = skip_blanks(rest);
        size_t n = 0;
        while (n < rest.n && chars_is(rest.p[n], CHAR_TOKEN))
            n++;
        str found = str_take(rest, n);
        rest = str_skip(rest, n);
        if (n) {
            if (!take_value(&rest, &v))
                return (str){ NULL, 0 };
            if (str_ieq(found, name))
                return v;
        }
        rest = skip_blanks(rest);
        if (rest.n && rest.p[0] != ';')
            return (str){ NULL, 0 };
        str_cut(&rest, ';');
    }
    return (str){ NULL, 0 };
}

bool http_list_has(str list, str token)
{
    while (list.p)
        if (str_ieq(str_trim(str_cut(&list, ',')), token))
            return true;
    return false;
}
