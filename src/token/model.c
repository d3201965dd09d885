#include "token/model.h"

/* What follows a name must not be a letter or digit: gpt-4 is not gpt-45, but gpt-4-turbo is. */
static const struct {
    str name;
    enum token_encoding encoding;
} models[] = {
    { { "gpt-4o", 6 }, TOKEN_O200K },
    { { "chatgpt-4o", 10 }, TOKEN_O200K },
    { { "gpt-4.1", 7 }, TOKEN_O200K },
    { { "gpt-4.5", 7 }, TOKEN_O200K },
    { { "gpt-5", 5 }, TOKEN_O200K },
    { { "gpt-oss", 7 }, TOKEN_O200K },
    { { "gpt-realtime", 12 }, TOKEN_O200K },
    { { "gpt-audio", 9 }, TOKEN_O200K },
    { { "codex-mini", 10 }, TOKEN_O200K },
    { { "computer-use-preview", 20 }, TOKEN_O200K },
    { { "o1", 2 }, TOKEN_O200K },
    { { "o3", 2 }, TOKEN_O200K },
    { { "o4", 2 }, TOKEN_O200K },
    { { "gpt-4", 5 }, TOKEN_CL100K },
    { { "gpt-3.5", 7 }, TOKEN_CL100K },
    { { "gpt-35", 6 }, TOKEN_CL100K },
    { { "davinci-002", 11 }, TOKEN_CL100K },
    { { "babbage-002", 11 }, TOKEN_CL100K },
    { { "text-embedding-ada-002", 22 }, TOKEN_CL100K },
    { { "text-embedding-3-small", 22 }, TOKEN_CL100K },
    { { "text-embedding-3-large", 22 }, TOKEN_CL100K },
};

static bool is(str name, str model)
{
    if (!str_istarts(name, model))
        return false;
    if (name.n == model.n)
        return true;
    char c = name.p[model.n];
    return c == '-' || c == ':' || c == '@' || (c == '.' && model.p[model.n - 1] == '5');
}

struct token_model token_model_of(str name)
{
    name = str_skip(name, str_rindex(name, '/') == name.n ? 0 : str_rindex(name, '/') + 1);
    if (str_starts(name, S("ft:")))
        name = str_skip(name, 3);
    for (size_t i = 0; i < COUNT_OF(models); i++)
        if (is(name, models[i].name))
            return (struct token_model){ models[i].encoding, true };
    return (struct token_model){ TOKEN_O200K, false };
}

const char *token_encoding_name(enum token_encoding e)
{
    return e == TOKEN_O200K ? "o200k_base" : "cl100k_base";
}
