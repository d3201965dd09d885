#include "route/internal.h"

/* Who can be asked for a realtime session. */

bool deployment_has_realtime(const struct deployment *d)
{
    const struct provider *p = d->provider;
    if (d->local || !p)
        return false;
    bool compatible = p->dialect == DIALECT_OPENAI_CHAT || p->dialect == DIALECT_OPENAI_RESPONSES;
    return p->realtime || (compatible && (!p->base || (d->entry && d->entry->api_base.n)));
}

/* How much a deployment looks like what is wanted; -1: not at all. */
static int fit(const struct deployment *d, bool transcribes)
{
    str mode = d->entry ? d->entry->mode : S("");
    bool speech = str_contains(d->model, S("transcribe")) || str_contains(d->model, S("whisper")) ||
                  str_eq(mode, S("audio_transcription"));
    if (!deployment_has_realtime(d))
        return -1;
    if (transcribes && speech)
        return 2;
    return str_contains(d->model, S("realtime")) || str_eq(mode, S("realtime"));
}

str route_realtime_name(const struct route_table *t, bool transcribes, size_t *ret_n)
{
    const struct route_group *best = NULL;
    int most = -1;
    *ret_n = 0;
    for (size_t i = 0; i < t->ngroups; i++) {
        const struct route_group *g = &t->groups[i];
        int f = -1;
        for (size_t k = 0; k < g->n && !g->pattern; k++)
            if (fit(g->members[k], transcribes) > f)
                f = fit(g->members[k], transcribes);
        if (f < 0 || f < most)
            continue;
        *ret_n = f > most ? 1 : *ret_n + 1;
        most = f;
        best = g;
    }
    return *ret_n == 1 ? best->name : (str){ NULL, 0 };
}
