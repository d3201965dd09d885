#include "http/inflate.h"

#include <zlib.h>
#include <zstd_errors.h>
#include <zstd.h>

#include "base/mem.h"

enum { ZSTD_WINDOW_LOG_MAX = 23 };

struct inflate {
    uint8_t kind;
    bool started;  /* the decoder is set up */
    bool complete; /* at the end of a member or frame: the input may end here */
    bool dead;
    uint64_t in_bytes, out_bytes, bytes_max;
    union {
        z_stream zlib;
        ZSTD_DStream *zstd;
    };
};

enum inflate_kind inflate_kind_of(str v)
{
    static const struct {
        str name;
        enum inflate_kind kind;
    } names[] = {
        { S(""), INFLATE_NONE },           { S("identity"), INFLATE_NONE },
        { S("gzip"), INFLATE_GZIP },       { S("x-gzip"), INFLATE_GZIP },
        { S("deflate"), INFLATE_DEFLATE }, { S("zstd"), INFLATE_ZSTD },
    };
    v = str_trim(v);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (str_ieq(v, names[i].name))
            return names[i].kind;
    return INFLATE_UNKNOWN;
}

struct inflate *inflate_new(enum inflate_kind kind, uint64_t bytes_max)
{
    BUG_UNLESS(kind == INFLATE_GZIP || kind == INFLATE_DEFLATE || kind == INFLATE_ZSTD);
    struct inflate *z = mem_zalloc(sizeof(*z));
    z->kind = (uint8_t)kind;
    z->bytes_max = bytes_max;
    return z;
}

void inflate_free(struct inflate *z)
{
    if (z && z->started && z->kind == INFLATE_ZSTD)
        ZSTD_freeDStream(z->zstd);
    else if (z && z->started)
        inflateEnd(&z->zlib);
    mem_free(z);
}

/* zlib's header is told from raw deflate by its first byte: method 8, window up to 32 KiB. As the
 * first byte of a raw stream that would be a stored block with stray padding bits. */
static int window_bits(enum inflate_kind kind, unsigned char first)
{
    if (kind == INFLATE_GZIP)
        return 15 + 16;
    return (first & 0x0f) == 8 && first >> 4 <= 7 ? 15 : -15;
}

static void start(struct inflate *z, char first)
{
    bool ok;
    if (z->kind == INFLATE_ZSTD) {
        z->zstd = ZSTD_createDStream();
        ok = z->zstd && !ZSTD_isError(ZSTD_DCtx_setParameter(z->zstd, ZSTD_d_windowLogMax,
                                                             ZSTD_WINDOW_LOG_MAX));
    } else {
        ok = inflateInit2(&z->zlib, window_bits(z->kind, (unsigned char)first)) == Z_OK;
    }
    if (!ok)
        mem_exhausted(sizeof(*z));
    z->started = true;
}

static rc broken(struct inflate *z, struct err *e, const char *why)
{
    return fail(e, E_SYNTAX, "inflate", (size_t)z->in_bytes, "the compressed body is broken: %s",
                why);
}

static rc step_zlib(struct inflate *z, str *in, char *to, size_t cap, size_t *ret_n, struct err *e)
{
    enum { PIECE = 1 << 30 };
    if (z->complete && in->n) {
        if (z->kind == INFLATE_DEFLATE || inflateReset(&z->zlib) != Z_OK) /* gzip may go on */
            return broken(z, e, "bytes behind its end");
        z->complete = false;
    }
    uInt give = (uInt)(in->n < PIECE ? in->n : PIECE), room = (uInt)(cap < PIECE ? cap : PIECE);
    z->zlib.next_in = (Bytef *)(uintptr_t)in->p;
    z->zlib.avail_in = give;
    z->zlib.next_out = (Bytef *)to;
    z->zlib.avail_out = room;
    int got = z->complete ? Z_BUF_ERROR : inflate(&z->zlib, Z_NO_FLUSH);
    *in = str_skip(*in, give - z->zlib.avail_in);
    *ret_n = room - z->zlib.avail_out;
    z->complete = z->complete || got == Z_STREAM_END;
    if (got == Z_MEM_ERROR)
        mem_exhausted(sizeof(*z));
    if (got != Z_OK && got != Z_STREAM_END && got != Z_BUF_ERROR)
        return broken(z, e, z->zlib.msg ? z->zlib.msg : "unknown reason");
    return RC_OK;
}

/* A frame or a skippable one (RFC 8878, 3.1), by its magic number's first byte. The library would
 * take the formats from before the RFC as well, with decoders of their own. */
static bool begins_frame(unsigned char first)
{
    return first == 0x28 || (first & 0xf0) == 0x50;
}

static rc step_zstd(struct inflate *z, str *in, char *to, size_t cap, size_t *ret_n, struct err *e)
{
    ZSTD_inBuffer from = { in->p, in->n, 0 };
    ZSTD_outBuffer out = { to, cap, 0 };
    if (z->complete && in->n == 0)
        return RC_OK;
    if (in->n && (z->complete || z->in_bytes == 0) && !begins_frame((unsigned char)in->p[0]))
        return broken(z, e, "no frame of Zstandard's");
    size_t got = ZSTD_decompressStream(z->zstd, &out, &from);
    *in = str_skip(*in, from.pos);
    *ret_n = out.pos;
    z->complete = got == 0;
    if (!ZSTD_isError(got))
        return RC_OK;
    if (ZSTD_getErrorCode(got) == ZSTD_error_frameParameter_windowTooLarge)
        return fail(e, E_LIMIT, "inflate", 0, "the compressed body wants a window over 8 MiB");
    return broken(z, e, ZSTD_getErrorName(got));
}

static rc check_limits(struct inflate *z, struct err *e)
{
    if (z->out_bytes > z->bytes_max)
        return fail(e, E_LIMIT, "inflate", 0, "the body is over %llu bytes when decompressed",
                    (unsigned long long)z->bytes_max);
    if (z->out_bytes > INFLATE_FREE_BYTES && z->out_bytes / INFLATE_RATIO_MAX > z->in_bytes)
        return fail(e, E_LIMIT, "inflate", 0, "the body grows over %d times when decompressed",
                    INFLATE_RATIO_MAX);
    return RC_OK;
}

static rc next(struct inflate *z, str *in, char *to, size_t cap, size_t *ret_n, struct err *e)
{
    if (!z->started && in->n == 0)
        return RC(AGAIN);
    if (!z->started)
        start(z, in->p[0]);
    for (;;) {
        size_t before = in->n;
        TRY(z->kind == INFLATE_ZSTD ? step_zstd(z, in, to, cap, ret_n, e)
                                    : step_zlib(z, in, to, cap, ret_n, e));
        z->in_bytes += before - in->n;
        z->out_bytes += *ret_n;
        TRY(check_limits(z, e));
        if (*ret_n)
            return RC_OK;
        if (in->n == 0)
            return RC(AGAIN);
        if (in->n == before && !z->complete)
            return broken(z, e, "no progress");
    }
}

rc inflate_next(struct inflate *z, str *in, char *to, size_t cap, size_t *ret_n, struct err *e)
{
    *ret_n = 0;
    if (z->dead)
        return broken(z, e, "it failed before");
    rc r = next(z, in, to, cap, ret_n, e);
    z->dead = r.code != OK && r.code != AGAIN;
    if (FAILED(r))
        *ret_n = 0;
    return r;
}

rc inflate_add(struct inflate *z, str in, struct buf *out, struct err *e)
{
    enum { PIECE = 16 * 1024 };
    for (;;) {
        size_t n, cap = out->full ? 0 : out->max - out->n;
        if (cap > PIECE)
            cap = PIECE;
        char spare[1]; /* out is full: does more come? */
        rc r = inflate_next(z, &in, cap ? buf_room(out, cap) : spare, cap ? cap : 1, &n, e);
        if (r.code == AGAIN)
            return RC_OK;
        TRY(r);
        if (!cap) {
            out->full = z->dead = true;
            return fail(e, E_LIMIT, "inflate", 0, "the body is over %zu bytes when decompressed",
                        out->max);
        }
        out->n += n;
    }
}

rc inflate_end(struct inflate *z, struct err *e)
{
    return z->complete && !z->dead ? RC_OK : broken(z, e, "it is cut off");
}
