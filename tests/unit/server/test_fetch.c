/* What a fetch may name and what it recognises; the rest is tested on the wire. */
#include "server/fetch.h"

#include "check.h"

static void hosts_are_listed(void **state)
{
    static const struct {
        const char *entry, *host;
        uint16_t port;
        bool listed;
    } table[] = {
        { "files.test", "files.test", 80, true },
        { "files.test", "FILES.test", 8443, true },
        { "files.test:8080", "files.test", 8080, true },
        { "files.test:8080", "files.test", 80, false },
        { "files.test", "evil-files.test", 80, false },
        { "files.test", "files.test.evil", 80, false },
        { "files.test:x", "files.test", 80, false },
        { "", "", 80, true }, /* url_parse gives no empty host */
        { "::1", "::1", 80, true },
        { "[::1]", "::1", 80, true },
        { "[::1]:8080", "::1", 8080, true },
        { "[::1]:8080", "::1", 80, false },
        { " files.test ", "files.test", 80, true },
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct chat_str other = { .s = S("other.test") };
        struct chat_str list = { .next = &other, .s = str_c(table[i].entry) };
        if (fetch_host_listed(&list, str_c(table[i].host), table[i].port) != table[i].listed)
            fail_msg("%s: %s port %u", table[i].entry, table[i].host, table[i].port);
    }
    assert_false(fetch_host_listed(NULL, S("files.test"), 80));
}

static void formats_are_recognised(void **state)
{
    CHECK_STR(fetch_sniff(S("\x89PNG\r\n\x1a\n rest")), S("image/png"));
    CHECK_STR(fetch_sniff(S("\xff\xd8\xff\xe0")), S("image/jpeg"));
    CHECK_STR(fetch_sniff(S("GIF89a")), S("image/gif"));
    CHECK_STR(fetch_sniff(S("RIFF....WEBPVP8 ")), S("image/webp"));
    CHECK_STR(fetch_sniff(S("RIFF....WAVEfmt ")), S("audio/wav"));
    CHECK_STR(fetch_sniff(S("........WAVEfmt ")), S(""));
    CHECK_STR(fetch_sniff(S("%PDF-1.4")), S("application/pdf"));
    CHECK_STR(fetch_sniff(S("<html>")), S(""));
    CHECK_STR(fetch_sniff(S("")), S(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_listed),
        cmocka_unit_test(formats_are_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
