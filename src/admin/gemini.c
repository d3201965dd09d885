#include "admin/admin.h"

#include "dialect/gemini.h"
#include "http/url.h"
#include "server/operation.h"
#include "server/reply.h"

/* POST /v1beta/models/MODEL:METHOD - the method stands after the last colon (clients.md R5). */

void admin_gemini_post(struct exchange *x)
{
    size_t colon = str_rindex(x->asked->path_rest, ':');
    str method = str_skip(x->asked->path_rest, colon + 1);
    str alt = { 0 };
    (void)url_query_get(x->asked->query, S("alt"), &x->scratch, &alt);
    if (str_eq(method, S("streamGenerateContent")) && !str_eq(alt, S("sse")))
        x->in = &dialect_gemini_array; /* one JSON array, written as it grows */
    if (str_eq(method, S("generateContent")) || str_eq(method, S("streamGenerateContent"))) {
        call_chat(x);
        return;
    }
    if (str_eq(method, S("embedContent")) || str_eq(method, S("batchEmbedContents"))) {
        call_serve(x, &operation_embeddings);
        return;
    }
    if (str_eq(method, S("countTokens"))) {
        call_serve(x, &operation_count);
        return;
    }
    reply_error_text(x, 404, "not_found_error", NULL,
                     "%.*s is not a method of models here: generateContent, "
                     "streamGenerateContent, countTokens, embedContent and batchEmbedContents are.",
                     STRF(method.n ? method : S("(none)")));
}
