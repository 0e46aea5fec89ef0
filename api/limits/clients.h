/* Limits what each client may have: connections, bulks, change feeds, exports,
 * writes that wait. A client is an address or, for all but connections, a
 * caller with a credential. Each gets a share of them, so that one client
 * cannot take all (pure core, except for its lock).
 *
 * An IPv6 client is its /64 network, because a client with one address of it
 * usually has all of them. Exempt addresses have no limit: proxies, for
 * example, which have many clients behind them.
 *
 * Any thread may call anything. The counts of a client are kept as long as one
 * of them is not 0.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;
struct clients;
struct client_key {
	unsigned char bytes[16];
};
struct sockaddr;

enum client_kind {
	CLIENT_CONNECTIONS,
	CLIENT_BULKS,
	CLIENT_FEEDS,
	CLIENT_EXPORTS,
	CLIENT_WAITS,
	CLIENT_KINDS
};

/* `most`: the limits for one address. `exempt`: addresses and networks
 * (10.0.0.0/8, fd00::/8), separated by commas; must pass clients_check. Returns
 * owned. */
struct clients *clients_new(
    const size_t most[CLIENT_KINDS], const char *exempt);
/* Is it a valid list of addresses and networks? */
bool clients_check(const char *exempt);
/* Takes a connection for this address. False: the address has as many as it
 * may. *out is NULL if the address is exempt, or is not an IP address. */
bool clients_enter(
    struct clients *cs, const struct sockaddr *address, struct client **out);
/* Gives the connection back; takes *c. */
void clients_leave(struct client **c);
/* Takes one of a kind, until client_give. A client of NULL has no limit. */
bool client_take(struct client *c, enum client_kind kind);
/* Takes one of a kind for the caller with this key, a hash. False: the caller
 * has as many as it may. *out: whom to give it back to. */
bool clients_take_for(struct clients *cs, const struct client_key *key,
    enum client_kind kind, struct client **out);
/* The key of the client's address. */
struct client_key client_address(const struct client *c);
/* Gives one of a kind back. */
void client_give(struct client *c, enum client_kind kind);
/* How many requests for this kind were refused. */
uint64_t clients_refused(struct clients *cs, enum client_kind kind);
/* The number of clients that have something. */
size_t clients_count(struct clients *cs);
/* Every client must have given everything back. */
void clients_free(struct clients **cs);
