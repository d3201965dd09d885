/* model: names and their encodings. */
#include "../check.h"

#include "token/model.h"

static void known_by_name(void **state)
{
    static const struct {
        const char *name;
        enum token_encoding encoding;
    } table[] = {
        { "gpt-4o", TOKEN_O200K },
        { "openai/gpt-4o-mini-2024-07-18", TOKEN_O200K },
        { "GPT-4o", TOKEN_O200K },
        { "chatgpt-4o-latest", TOKEN_O200K },
        { "gpt-4.1-nano", TOKEN_O200K },
        { "gpt-5", TOKEN_O200K },
        { "gpt-5.1-codex", TOKEN_O200K },
        { "azure/openai/o3-mini", TOKEN_O200K },
        { "o1", TOKEN_O200K },
        { "o4-mini", TOKEN_O200K },
        { "gpt-oss:20b", TOKEN_O200K },
        { "ft:gpt-4o-mini:me::1", TOKEN_O200K },
        { "gpt-4", TOKEN_CL100K },
        { "gpt-4-turbo", TOKEN_CL100K },
        { "ft:gpt-4-0613:me::1", TOKEN_CL100K },
        { "gpt-3.5-turbo", TOKEN_CL100K },
        { "gpt-35-turbo-16k", TOKEN_CL100K },
        { "text-embedding-ada-002", TOKEN_CL100K },
        { "text-embedding-3-large", TOKEN_CL100K },
    };
    static const char *const others[] = { "",       "claude-opus-4-6", "gemini-2.5-pro",
                                          "gpt-4x", "gpt-45",          "o1x",
                                          "o30",    "llama-3.1-8b",    "gpt-2" };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct token_model m = token_model_of(str_c(table[i].name));
        if (!m.own || m.encoding != table[i].encoding)
            fail_msg("%s: %s, own %d", table[i].name, token_encoding_name(m.encoding), m.own);
    }
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        struct token_model m = token_model_of(str_c(others[i]));
        if (m.own || m.encoding != TOKEN_O200K)
            fail_msg("%s: %s, own %d", others[i], token_encoding_name(m.encoding), m.own);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(known_by_name) };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
