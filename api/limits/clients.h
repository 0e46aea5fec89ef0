/* What each client address has of what there is little of: connections, bulks,
 * change feeds, exports. One address gets a share of each, so that one client
 * cannot take all (pure core but for its lock).
 *
 * An IPv6 client is its /64 network, since whoever has one address of it has
 * all of them. Addresses that are exempt (proxies, behind which many clients
 * are) have no limit.
 *
 * Any thread may call anything. A client's counts live as long as any of them
 * is not 0.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;
struct clients;
struct sockaddr;

enum client_kind {
	CLIENT_CONNECTIONS,
	CLIENT_BULKS,
	CLIENT_FEEDS,
	CLIENT_EXPORTS,
	CLIENT_KINDS
};

/* `most` is for one address. `exempt`: addresses and networks (10.0.0.0/8,
 * fd00::/8), with commas between; it passes clients_check. Returns owned. */
struct clients *clients_new(
    const size_t most[CLIENT_KINDS], const char *exempt);
/* Is it a list of addresses and networks? */
bool clients_check(const char *exempt);
/* Takes a connection of this address. False: it has as many as it may. *out is
 * NULL where the address is exempt, or is none. */
bool clients_enter(
    struct clients *cs, const struct sockaddr *address, struct client **out);
/* Gives the connection back; takes the reference. */
void clients_leave(struct client **c);
/* One more of a kind, until client_give. NULL has no limit. */
bool client_take(struct client *c, enum client_kind kind);
void client_give(struct client *c, enum client_kind kind);
/* How often one was refused. */
uint64_t clients_refused(struct clients *cs, enum client_kind kind);
/* Addresses that have something. */
size_t clients_count(struct clients *cs);
/* Every client has given everything back. */
void clients_free(struct clients **cs);
