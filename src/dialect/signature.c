#include "dialect/signature.h"

#define MARK    S("sluice.")
#define THOUGHT S("__thought__")

static const char *const names[DIALECT_COUNT] = {
    [DIALECT_OPENAI_CHAT] = "openai",  [DIALECT_OPENAI_RESPONSES] = "responses",
    [DIALECT_ANTHROPIC] = "anthropic", [DIALECT_GEMINI] = "gemini",
    [DIALECT_COHERE] = "cohere",       [DIALECT_OLLAMA] = "ollama",
};

str signature_mark(struct arena *a, str sig, enum dialect_id origin, enum dialect_id home)
{
    if (sig.n == 0 || origin == home || origin == DIALECT_NONE || origin >= DIALECT_COUNT)
        return sig;
    return arena_fmt(a, "sluice.%s.%.*s", names[origin], STRF(sig));
}

enum dialect_id signature_unmark(str *sig, enum dialect_id home)
{
    if (!str_starts(*sig, MARK))
        return home;
    str rest = str_skip(*sig, MARK.n);
    size_t dot = str_index(rest, '.');
    for (size_t d = 1; d < DIALECT_COUNT; d++) {
        if (dot < rest.n && str_eq(str_take(rest, dot), str_c(names[d]))) {
            *sig = str_skip(rest, dot + 1);
            return (enum dialect_id)d;
        }
    }
    return home;
}

/* Swaps the two characters in which base64 and base64url differ; the padding goes or stays as it
 * is, since every reader of signatures takes both. */
static str swap_alphabet(struct arena *a, str s, const char *from, const char *to)
{
    char *p = NEW(a, char, s.n + 1);
    for (size_t i = 0; i < s.n; i++)
        p[i] = s.p[i] == from[0] ? to[0] : s.p[i] == from[1] ? to[1] : s.p[i];
    return (str){ p, s.n };
}

str signature_into_id(struct arena *a, str id, str sig)
{
    if (sig.n == 0)
        return id;
    while (str_ends(sig, S("=")))
        sig.n--;
    str url = swap_alphabet(a, sig, "+/", "-_");
    return arena_fmt(a, "%.*s__thought__%.*s", STRF(id), STRF(url));
}

str signature_from_id(struct arena *a, str *id)
{
    for (size_t i = 0; i + THOUGHT.n <= id->n; i++) {
        if (!str_starts(str_skip(*id, i), THOUGHT))
            continue;
        str sig = swap_alphabet(a, str_skip(*id, i + THOUGHT.n), "-_", "+/");
        size_t pad = (4 - sig.n % 4) % 4;
        *id = str_take(*id, i);
        return pad && pad < 3 ? arena_cat(a, sig, str_take(S("=="), pad)) : sig;
    }
    return (str){ 0 };
}
