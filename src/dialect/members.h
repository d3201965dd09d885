/* members.h - members of bodies: counters, lists of extras, what a reader keeps for its own
 * dialect's writer, and the last touch on a written request: the deployment's own members.
 *
 * chat_target.defaults are members that the request's own win over; chat_target.extra_body is set
 * in any case. Both come in OpenAI's names; `renamed` says what a dialect calls them.
 */
#ifndef DIALECT_MEMBERS_H
#define DIALECT_MEMBERS_H

#include "base/buf.h"
#include "chat/chat.h"
#include "json/doc.h"

struct member_name {
    str openai, native;
};

/* out, from byte `from` on, is one JSON object: rewrites its top level as t says. Costs nothing
 * where t says nothing. renamed may be NULL (n == 0). */
void members_finish(struct buf *out, size_t from, const struct chat_target *t,
                    const struct member_name *renamed, size_t n, struct arena *a);

/* The members of obj that `said` (up to NULL) does not name, or that are null, "" or []: what the
 * neutral form does not say, as it was written. Values are copied into the arena. */
struct chat_extra *members_others(jval *obj, const char *const *said, struct arena *a);
/* The same as one object. */
str members_others_object(jval *obj, const char *const *said, struct arena *a);
/* The same, behind what the list holds already. */
void members_add_others(struct chat_extra **list, jval *obj, const char *const *said,
                        struct arena *a);
/* out, from byte `from` on, is one JSON object: the members in the list are set in it, in place of
 * its own of those names; what is null, "" or [] only where its own says nothing either. Costs
 * nothing for an empty list. */
void members_put_back(struct buf *out, size_t from, const struct chat_extra *list, struct arena *a);

/* A counter of usage; -1 where it is not told. */
int64_t members_count(jval *v);
/* The extra of that name, or NULL. */
const struct chat_extra *members_find(const struct chat_extra *list, str name);
/* name stands in the list. */
bool members_listed(const struct chat_str *list, str name);

#endif
