/* Any order of events in: the order that chat.h promises out, and no piece of a call lost, doubled
 * or in another one's place. */
#include "chat/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { CHOICES = 4, CALLS = 4 };

struct checker {
    struct chat_sink sink;
    bool started, over, usage;
    bool open[CHOICES], finished[CHOICES];
    uint32_t open_call[CHOICES];
    uint8_t calls[CHOICES][CALLS];                  /* 0: not seen, 1: open, 2: ended */
    size_t in[CHOICES][CALLS], out[CHOICES][CALLS]; /* sums of the arguments' bytes and places */
    size_t nin[CHOICES][CALLS], nout[CHOICES][CALLS];
};

static void add(size_t *sum, size_t *count, str text)
{
    for (size_t i = 0; i < text.n; i++)
        *sum += (unsigned char)text.p[i] * ++*count; /* the order counts */
}

static void check_call(struct checker *k, const struct chat_event *ev)
{
    uint8_t *state = &k->calls[ev->choice][ev->call];
    if (ev->kind == EV_CALL) {
        BUG_UNLESS(!k->open[ev->choice]);
        *state = 1;
        k->open[ev->choice] = true;
        k->open_call[ev->choice] = ev->call;
        return;
    }
    BUG_UNLESS(k->open[ev->choice] && k->open_call[ev->choice] == ev->call && *state == 1);
    if (ev->kind == EV_ARGS) {
        BUG_UNLESS(ev->text.n > 0);
        add(&k->out[ev->choice][ev->call], &k->nout[ev->choice][ev->call], ev->text);
    } else {
        *state = 2;
        k->open[ev->choice] = false;
    }
}

static void check(struct chat_sink *sink, const struct chat_event *ev)
{
    struct checker *k = CONTAINER_OF(sink, struct checker, sink);
    BUG_UNLESS(!k->over);
    BUG_UNLESS(k->started == (ev->kind != EV_START) || ev->kind == EV_ERROR);
    switch (ev->kind) {
    case EV_START:
        k->started = true;
        break;
    case EV_USAGE:
        BUG_UNLESS(!k->usage);
        k->usage = true;
        break;
    case EV_ERROR:
    case EV_DONE:
        k->over = true;
        for (int c = 0; ev->kind == EV_DONE && c < CHOICES; c++)
            BUG_UNLESS(!k->open[c]);
        break;
    case EV_CALL:
    case EV_ARGS:
    case EV_CALL_END:
        BUG_UNLESS(!k->finished[ev->choice]);
        check_call(k, ev);
        break;
    case EV_FINISH:
        BUG_UNLESS(!k->open[ev->choice] && !k->finished[ev->choice] && !k->usage);
        BUG_UNLESS(ev->finish != FINISH_NONE && ev->finish != FINISH_ERROR);
        k->finished[ev->choice] = true;
        break;
    default:
        BUG_UNLESS(!k->open[ev->choice] && !k->finished[ev->choice]);
        break;
    }
}

/* Three bytes an event: its kind, its choice and call, its text. */
static struct chat_event event_of(const uint8_t *b)
{
    static const char *const texts[] = { "",  "{", "}",  "{\"a\":", "1", "\"x\\\"", "\"", "[]",
                                         "]", "[", "{}", "text",    " ", "\\",      ",",  "0" };
    static const struct chat_usage usage = { 1, 2, -1, -1, -1, -1, -1, -1, -1, -1, true };
    static const struct chat_error error = { .message = { "e", 1 } };
    static const struct chat_media media = { .mime = { "image/png", 9 }, .data = { "AA==", 4 } };
    struct chat_event ev = { .kind = (enum chat_event_kind)(b[0] % (EV_DONE + 1)),
                             .choice = b[1] % CHOICES,
                             .call = b[1] / CHOICES % CALLS,
                             .custom = b[1] & 0x80,
                             .text = str_c(texts[b[2] % COUNT_OF(texts)]),
                             .usage = &usage,
                             .error = &error,
                             .media = &media };
    if (b[0] >= 0x80) /* mostly the interesting ones */
        ev.kind = (const enum chat_event_kind[]){ EV_CALL, EV_ARGS, EV_ARGS, EV_CALL_END,
                                                  EV_TEXT, EV_ARGS, EV_CALL, EV_FINISH }[b[0] % 8];
    if (ev.kind == EV_FINISH)
        ev.finish = (enum chat_finish)(b[2] % FINISH_ERROR);
    if (ev.kind == EV_ERROR && b[2] % 4)
        ev.kind = EV_TEXT;
    return ev;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct checker k = { .sink = { check } };
    struct chat_stream s;
    chat_stream_init(&s, &k.sink);
    uint8_t begun[CHOICES][CALLS] = { 0 }; /* 1: its pieces belong to it; 2: it has ended */
    bool finished[CHOICES] = { false };
    for (size_t i = 0; i + 3 <= n && !s.over; i += 3) {
        struct chat_event ev = event_of(data + i);
        uint8_t *call = &begun[ev.choice][ev.call];
        /* What readers promise: a call begins once and nothing follows its end. */
        if ((ev.kind == EV_CALL && *call) ||
            ((ev.kind == EV_ARGS || ev.kind == EV_CALL_END) && *call != 1) || finished[ev.choice])
            continue;
        /* Arguments that go on behind a complete value lose their place once another begins. */
        if (ev.kind == EV_CALL)
            *call = 1;
        else if (ev.kind == EV_CALL_END)
            *call = 2;
        else if (ev.kind == EV_ARGS)
            add(&k.in[ev.choice][ev.call], &k.nin[ev.choice][ev.call], ev.text);
        else if (ev.kind == EV_FINISH)
            finished[ev.choice] = true;
        s.in.emit(&s.in, &ev);
    }
    chat_stream_end(&s, true, S(""));
    BUG_UNLESS(s.over && k.over);
    for (int c = 0; !s.broken && c < CHOICES; c++)
        for (int j = 0; j < CALLS; j++) {
            BUG_UNLESS((begun[c][j] != 0) == (k.calls[c][j] == 2));
            BUG_UNLESS(k.nout[c][j] <= k.nin[c][j]);
            if (k.nout[c][j] == k.nin[c][j])
                BUG_UNLESS(k.in[c][j] == k.out[c][j]);
        }
    chat_stream_done(&s);
    return 0;
}
