#include "server/endpoint.h"

#include "base/buf.h"

enum {
    PATH_BYTES_MAX = 4096,
    SEGMENTS_MAX = 64, /* of a path that holds a model: anybody may send one, without a key */
};

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "//v1/x/" -> "/v1/x", percent-decoded. Model ids hold slashes, so a decoded slash is one like any
 * other; a decoded NUL or control makes the path unknown (empty result). */
static str clean_path(str path, struct arena *a)
{
    char *out = NEW(a, char, path.n + 2);
    size_t n = 0;
    for (size_t i = 0; i < path.n; i++) {
        char c = path.p[i];
        if (c == '%' && i + 2 < path.n && hex(path.p[i + 1]) >= 0 && hex(path.p[i + 2]) >= 0) {
            c = (char)(hex(path.p[i + 1]) * 16 + hex(path.p[i + 2]));
            i += 2;
        }
        if ((unsigned char)c < 0x20)
            return (str){ NULL, 0 };
        if (c == '/' && n && out[n - 1] == '/')
            continue;
        out[n++] = c;
    }
    while (n > 1 && out[n - 1] == '/')
        n--;
    return (str){ out, n };
}

static bool row_matches(const struct endpoint *row, str path, str *ret_rest)
{
    str pattern = str_c(row->path);
    if (!str_ends(pattern, S("*"))) {
        *ret_rest = (str){ NULL, 0 };
        return str_eq(pattern, path);
    }
    pattern.n--;
    if (!str_starts(path, pattern) || path.n == pattern.n)
        return false;
    *ret_rest = str_skip(path, pattern.n);
    return true;
}

static bool find_row(const struct endpoint *table, size_t n, str method, str path,
                     struct endpoint_match *m)
{
    for (size_t i = 0; i < n; i++) {
        str rest;
        if (!row_matches(&table[i], path, &rest))
            continue;
        m->path_known = true;
        m->rest = rest;
        if (str_eq(method, str_c(table[i].method)) ||
            (str_eq(S("*"), str_c(table[i].method)) && !str_eq(method, S("OPTIONS"))) ||
            (str_eq(method, S("HEAD")) && str_eq(S("GET"), str_c(table[i].method)))) {
            m->row = &table[i];
            return true;
        }
        m->allow = table[i].method;
    }
    return false;
}

/* Takes "/word" off the front of path if it is its first segment. */
static bool take_segment(str *path, str word)
{
    if (path->n <= word.n || path->p[0] != '/' || !str_starts(str_skip(*path, 1), word))
        return false;
    str rest = str_skip(*path, word.n + 1);
    if (rest.n && rest.p[0] != '/')
        return false;
    *path = rest;
    return true;
}

/* "/engines/M/x" or "/deployments/M/x": M may hold slashes, so the end of the path is looked up
 * from its longest tail down: the first that is an endpoint decides where M ends. */
static bool find_after_model(const struct endpoint *table, size_t n, str method, str path,
                             struct endpoint_match *m, struct arena *a)
{
    unsigned tries = 0;
    for (size_t i = 1; i < path.n && tries < SEGMENTS_MAX; i++) {
        if (path.p[i] != '/')
            continue;
        tries++;
        str tail = arena_cat(a, S("/v1"), str_skip(path, i));
        if (find_row(table, n, method, tail, m)) {
            m->model = str_skip(str_take(path, i), 1);
            return true;
        }
    }
    return false;
}

struct endpoint_match endpoint_find(const struct endpoint *table, size_t n, str method, str path,
                                    struct arena *a)
{
    static const char *const prefixes[] = { "openai", "anthropic", "gemini",
                                            "cursor", "cohere",    "ollama" };
    struct endpoint_match m = { 0 };
    if (str_index(path, '%') == path.n && find_row(table, n, method, path, &m))
        return m; /* the usual spelling, nothing copied */
    if (path.n > PATH_BYTES_MAX)
        return m;
    path = clean_path(path, a);
    if (path.n == 0 || find_row(table, n, method, path, &m))
        return m;
    for (size_t i = 0; i < COUNT_OF(prefixes); i++)
        if (take_segment(&path, str_c(prefixes[i])))
            break;
    if (path.n && find_row(table, n, method, path, &m))
        return m;
    str deployments = path;
    if (take_segment(&deployments, S("deployments")) || take_segment(&deployments, S("engines")) ||
        (take_segment(&deployments, S("v1")) && take_segment(&deployments, S("engines"))))
        if (find_after_model(table, n, method, deployments, &m, a))
            return m;
    while (take_segment(&path, S("v1")))
        ;
    if (path.n)
        find_row(table, n, method, arena_cat(a, S("/v1"), path), &m);
    return m;
}
