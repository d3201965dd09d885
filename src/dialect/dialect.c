#include "dialect/dialect.h"

static const struct dialect *const dialects[DIALECT_COUNT] = {
    [DIALECT_OPENAI_CHAT] = &dialect_openai_chat,
    [DIALECT_OPENAI_RESPONSES] = &dialect_openai_responses,
    [DIALECT_ANTHROPIC] = &dialect_anthropic,
    [DIALECT_GEMINI] = &dialect_gemini,
    [DIALECT_COHERE] = &dialect_cohere,
    [DIALECT_OLLAMA] = &dialect_ollama,
    [DIALECT_OLLAMA_GENERATE] = &dialect_ollama_generate,
    [DIALECT_OPENAI_TEXT] = &dialect_openai_text,
};

const struct dialect *dialect_get(enum dialect_id id)
{
    return (size_t)id < COUNT_OF(dialects) ? dialects[id] : NULL;
}

const struct dialect *dialect_find(str name)
{
    for (size_t i = 0; i < COUNT_OF(dialects); i++)
        if (dialects[i] && str_eq(str_c(dialects[i]->name), name))
            return dialects[i];
    return NULL;
}
