/* Which addresses a client may make the gateway call. */
#include "net/public_addr.h"

#include <arpa/inet.h>

#include "check.h"

static const struct {
    const char *text;
    bool is_public;
} table[] = {
    { "8.8.8.8", true },
    { "1.1.1.1", true },
    { "9.255.255.255", true },
    { "11.0.0.0", true },
    { "100.63.255.255", true },
    { "100.128.0.0", true },
    { "126.255.255.255", true },
    { "128.0.0.1", true },
    { "169.253.255.255", true },
    { "169.255.0.0", true },
    { "172.15.255.255", true },
    { "172.32.0.0", true },
    { "192.0.1.1", true },
    { "192.167.255.255", true },
    { "192.169.0.0", true },
    { "198.17.255.255", true },
    { "198.20.0.0", true },
    { "223.255.255.255", true },
    { "168.63.129.15", true },
    { "2606:4700:4700::1111", true },
    { "2a00:1450:4001:81b::200e", true },
    { "2001:200::1", true },
    { "3ffe::1", true },
    { "64:ff9b::8.8.8.8", true },

    { "0.0.0.0", false },
    { "0.1.2.3", false },
    { "10.0.0.1", false },
    { "10.255.255.255", false },
    { "100.64.0.1", false },
    { "100.100.100.200", false },
    { "100.127.255.255", false },
    { "127.0.0.1", false },
    { "127.255.255.254", false },
    { "168.63.129.16", false },
    { "169.254.0.1", false },
    { "169.254.169.254", false },
    { "172.16.0.1", false },
    { "172.31.255.255", false },
    { "192.0.0.192", false },
    { "192.0.2.1", false },
    { "192.88.99.1", false },
    { "192.168.0.1", false },
    { "198.18.0.1", false },
    { "198.19.255.255", false },
    { "198.51.100.7", false },
    { "203.0.113.9", false },
    { "224.0.0.1", false },
    { "239.255.255.255", false },
    { "240.0.0.1", false },
    { "255.255.255.255", false },
    { "::", false },
    { "::1", false },
    { "::ffff:8.8.8.8", false }, /* mapped: no resolver gives it, so it is somebody's trick */
    { "::ffff:127.0.0.1", false },
    { "::ffff:169.254.169.254", false },
    { "::127.0.0.1", false },
    { "64:ff9b::127.0.0.1", false },
    { "64:ff9b::10.1.2.3", false },
    { "64:ff9b:1::8.8.8.8", false },
    { "100::1", false },
    { "2001::1", false },
    { "2001:10::1", false },
    { "2001:db8::1", false },
    { "2002:7f00:1::", false },
    { "3fff::1", false },
    { "fc00::1", false },
    { "fd00:ec2::254", false },
    { "fd12:3456::1", false },
    { "fe80::1", false },
    { "fec0::1", false },
    { "ff02::1", false },
    { "4000::1", false },
};

static void classifies(void **state)
{
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct sockaddr_in v4 = { .sin_family = AF_INET };
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
        bool four = inet_pton(AF_INET, table[i].text, &v4.sin_addr) == 1;
        if (!four)
            assert_int_equal(inet_pton(AF_INET6, table[i].text, &v6.sin6_addr), 1);
        bool is =
            addr_is_public(four ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6);
        if (is != table[i].is_public)
            fail_msg("%s: %s", table[i].text, is ? "taken for public" : "refused");
    }
}

static void refuses_other_families(void **state)
{
    struct sockaddr a = { .sa_family = AF_UNIX };
    assert_false(addr_is_public(&a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classifies),
        cmocka_unit_test(refuses_other_families),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
