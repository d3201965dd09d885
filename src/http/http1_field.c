#include "http/chars.h"
#include "http/http1.h"

str http_field_get(const struct http_head *h, str name)
{
    for (size_t i = 0; i < h->nfields; i++)
        if (h->fields[i].name.n == name.n && str_ieq(h->fields[i].name, name))
            return h->fields[i].value;
    return (str){ NULL, 0 };
}

size_t http_field_count(const struct http_head *h, str name)
{
    size_t n = 0;
    for (size_t i = 0; i < h->nfields; i++)
        if (h->fields[i].name.n == name.n && str_ieq(h->fields[i].name, name))
            n++;
    return n;
}

bool http_is_token(str s)
{
    return s.n > 0 && chars_are(s, CHAR_TOKEN);
}

bool http_is_field_value(str s)
{
    return chars_are(s, CHAR_VALUE);
}

bool http_add_field(struct buf *b, str name, str value)
{
    if (!http_is_token(name) || !http_is_field_value(value))
        return false;
    char *to = buf_room(b, name.n + value.n + 4);
    if (!to)
        return false;
    memcpy(to, name.p, name.n);
    memcpy(to + name.n, ": ", 2);
    if (value.n)
        memcpy(to + name.n + 2, value.p, value.n);
    memcpy(to + name.n + 2 + value.n, "\r\n", 2);
    b->n += name.n + value.n + 4;
    return true;
}

const char *http_reason(unsigned status)
{
    /* The IANA registry, and what vendors answer besides it. */
    static const struct {
        uint16_t status;
        const char *text;
    } reasons[] = {
        { 100, "Continue" },
        { 101, "Switching Protocols" },
        { 102, "Processing" },
        { 103, "Early Hints" },
        { 200, "OK" },
        { 201, "Created" },
        { 202, "Accepted" },
        { 203, "Non-Authoritative Information" },
        { 204, "No Content" },
        { 205, "Reset Content" },
        { 206, "Partial Content" },
        { 207, "Multi-Status" },
        { 208, "Already Reported" },
        { 226, "IM Used" },
        { 300, "Multiple Choices" },
        { 301, "Moved Permanently" },
        { 302, "Found" },
        { 303, "See Other" },
        { 304, "Not Modified" },
        { 305, "Use Proxy" },
        { 307, "Temporary Redirect" },
        { 308, "Permanent Redirect" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 402, "Payment Required" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 406, "Not Acceptable" },
        { 407, "Proxy Authentication Required" },
        { 408, "Request Timeout" },
        { 409, "Conflict" },
        { 410, "Gone" },
        { 411, "Length Required" },
        { 412, "Precondition Failed" },
        { 413, "Content Too Large" },
        { 414, "URI Too Long" },
        { 415, "Unsupported Media Type" },
        { 416, "Range Not Satisfiable" },
        { 417, "Expectation Failed" },
        { 421, "Misdirected Request" },
        { 422, "Unprocessable Content" },
        { 423, "Locked" },
        { 424, "Failed Dependency" },
        { 425, "Too Early" },
        { 426, "Upgrade Required" },
        { 428, "Precondition Required" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 451, "Unavailable For Legal Reasons" },
        { 498, "Capacity Exceeded" },
        { 499, "Client Closed Request" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 502, "Bad Gateway" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
        { 505, "HTTP Version Not Supported" },
        { 506, "Variant Also Negotiates" },
        { 507, "Insufficient Storage" },
        { 508, "Loop Detected" },
        { 511, "Network Authentication Required" },
        { 529, "Site Overloaded" },
    };
    if (status == 200)
        return "OK";
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return "Unknown";
}
