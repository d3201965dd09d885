/* public_addr.h - whether an address lies on the public Internet: what a client may make us call.
 *
 * Not public are the blocks of IANA's special-purpose registries (RFC 6890 and its updates) and the
 * addresses where clouds answer questions about the machine. Of IPv6 only 2000::/3 is public, less
 * what tunnels to IPv4; NAT64's prefix counts as the IPv4 address inside it.
 */
#ifndef NET_PUBLIC_ADDR_H
#define NET_PUBLIC_ADDR_H

#include <sys/socket.h>

#include "base/base.h"

/* false also for families other than IPv4 and IPv6. */
bool addr_is_public(const struct sockaddr *a);

#endif
