/* rerank.h - ranking documents by a query, neutral. Ownership as in chat.h.
 */
#ifndef CHAT_RERANK_H
#define CHAT_RERANK_H

#include "chat/chat.h"

struct rerank_doc {
    str text;
    str raw; /* JSON text, if it was an object */
};

struct rerank_req {
    str query;
    struct rerank_doc *docs;
    size_t ndocs;
    int64_t top_n, max_tokens_per_doc; /* CHAT_UNSET */
    bool return_documents;
    struct chat_extra *extras; /* members nobody knows: passed on */
};

struct rerank_result {
    size_t index; /* of the document */
    double score;
    str text; /* JSON text of the number */
};

struct rerank_reply {
    str id;
    struct rerank_result *results; /* best first */
    size_t n;
    int64_t search_units; /* CHAT_UNSET */
    struct chat_usage usage;
};

#endif
