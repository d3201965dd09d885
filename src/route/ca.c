#include <pthread.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "net/tls.h"
#include "route/internal.h"

/* Pools of connections hold a context's address as long as they live, which is longer than a table
 * does: contexts are kept for good, one per file and version of it. */

struct ca_entry {
    struct ca_entry *next;
    char *path;
    struct timespec changed;
    struct tls_context *context;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ca_entry *entries;

static bool is_same(const struct ca_entry *c, str path, const struct stat *st)
{
    return str_eq(str_c(c->path), path) && c->changed.tv_sec == st->st_mtim.tv_sec &&
           c->changed.tv_nsec == st->st_mtim.tv_nsec;
}

static rc add(str path, const struct stat *st, struct tls_context **ret, struct err *e)
{
    TRY(tls_client_new(path, ret, e));
    struct ca_entry *c = mem_zalloc(sizeof(*c));
    c->path = mem_zalloc(path.n + 1);
    if (path.n)
        memcpy(c->path, path.p, path.n);
    c->changed = st->st_mtim;
    c->context = *ret;
    c->next = entries;
    entries = c;
    return RC_OK;
}

rc ca_context(str path, struct tls_context **ret, struct err *e)
{
    struct stat st = { 0 };
    struct arena a;
    rc r = RC_OK;
    arena_init(&a);
    if (stat(arena_dup(&a, path).p, &st) != 0) /* tls_client_new says what is wrong with it */
        st = (struct stat){ 0 };
    arena_done(&a);
    pthread_mutex_lock(&lock);
    const struct ca_entry *c = entries;
    while (c && !is_same(c, path, &st))
        c = c->next;
    if (c)
        *ret = c->context;
    else
        r = add(path, &st, ret, e);
    pthread_mutex_unlock(&lock);
    return r;
}
