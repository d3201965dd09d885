#include "chat/image_size.h"

#include "base/base64.h"

struct bytes {
    const unsigned char *p;
    size_t n;
};

/* Zero behind the end: a picture without a size. */
static uint32_t at(struct bytes b, size_t i)
{
    return i < b.n ? b.p[i] : 0;
}

static uint32_t big16(struct bytes b, size_t i)
{
    return at(b, i) << 8 | at(b, i + 1);
}

static uint32_t little16(struct bytes b, size_t i)
{
    return at(b, i) | at(b, i + 1) << 8;
}

static bool starts(struct bytes b, size_t i, str with)
{
    return b.n >= i + with.n && memcmp(b.p + i, with.p, with.n) == 0;
}

/* The frame header: the first of the markers C0 to CF but for tables and extensions. */
static void jpeg_size(struct bytes b, uint32_t *w, uint32_t *h)
{
    size_t i = 2;
    while (i + 9 < b.n && b.p[i] == 0xff) {
        uint32_t marker = b.p[i + 1];
        if (marker == 0xff) { /* filling */
            i++;
            continue;
        }
        if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
            marker != 0xcc) {
            *h = big16(b, i + 5);
            *w = big16(b, i + 7);
            return;
        }
        i += 2 + (big16(b, i + 2) > 2 ? big16(b, i + 2) : 2);
    }
}

static void webp_size(struct bytes b, uint32_t *w, uint32_t *h)
{
    if (starts(b, 12, S("VP8X"))) {
        *w = (little16(b, 24) | at(b, 26) << 16) + 1;
        *h = (little16(b, 27) | at(b, 29) << 16) + 1;
    } else if (starts(b, 12, S("VP8 "))) {
        *w = little16(b, 26) & 0x3fff;
        *h = little16(b, 28) & 0x3fff;
    } else if (starts(b, 12, S("VP8L")) && b.n >= 25) {
        uint32_t bits = little16(b, 21) | little16(b, 23) << 16;
        *w = (bits & 0x3fff) + 1;
        *h = (bits >> 14 & 0x3fff) + 1;
    }
}

bool image_size(str data, uint32_t *ret_width, uint32_t *ret_height)
{
    struct buf head;
    uint32_t w = 0, h = 0;
    data = str_take(data, IMAGE_HEAD_BYTES / 3 * 4);
    if (data.n % 4)
        data.n -= data.n % 4;
    buf_init(&head, IMAGE_HEAD_BYTES);
    if (base64_decode(&head, data)) {
        struct bytes b = { (const unsigned char *)head.p, head.n };
        if (starts(b, 0, S("\x89PNG\r\n\x1a\n"))) {
            w = big16(b, 16) << 16 | big16(b, 18);
            h = big16(b, 20) << 16 | big16(b, 22);
        } else if (starts(b, 0, S("GIF8"))) {
            w = little16(b, 6);
            h = little16(b, 8);
        } else if (starts(b, 0, S("\xff\xd8\xff"))) {
            jpeg_size(b, &w, &h);
        } else if (starts(b, 0, S("RIFF")) && starts(b, 8, S("WEBP"))) {
            webp_size(b, &w, &h);
        }
    }
    buf_done(&head);
    *ret_width = w;
    *ret_height = h;
    return w > 0 && h > 0;
}
