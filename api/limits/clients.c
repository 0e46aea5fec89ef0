#include "api/limits/clients.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/base/random.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { CHAINS = 4096, NETWORK_BITS = 64, MAPPED_BITS = 96 };

/* An IPv6 address; an IPv4 address is stored as ::ffff:a.b.c.d. Or the key of a
 * caller. */
struct address {
	unsigned char bytes[16];
	bool caller;
};

struct network {
	struct address address;
	unsigned bits;
};

struct client {
	struct clients *all;
	struct client *chain;
	struct address address;
	size_t has[CLIENT_KINDS], sum;
};

struct clients {
	pthread_mutex_t lock;
	uint64_t seed;
	size_t most[CLIENT_KINDS];
	struct network *exempt;
	size_t nexempt;
	/* Protected by the lock, like every client. */
	uint64_t refused[CLIENT_KINDS];
	size_t n;
	struct client *chains[CHAINS];
};

/* --- addresses ----------------------------------------------------------- */

static const unsigned char mapped[12] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static void map(struct address *a, const void *four)
{
	memcpy(a->bytes, mapped, sizeof mapped);
	memcpy(a->bytes + sizeof mapped, four, 4);
}

static bool is_mapped(const struct address *a)
{
	return memcmp(a->bytes, mapped, sizeof mapped) == 0;
}

static bool take_address(const struct sockaddr *from, struct address *a)
{
	*a = (struct address){0};
	if (from && from->sa_family == AF_INET) {
		map(a, &((const struct sockaddr_in *)from)->sin_addr);
		return true;
	}
	if (from == NULL || from->sa_family != AF_INET6)
		return false;
	memcpy(a->bytes, &((const struct sockaddr_in6 *)from)->sin6_addr, 16);
	return true;
}

static bool clients_inside(const struct address *a, const struct network *n)
{
	for (unsigned i = 0; i < n->bits; i++) {
		unsigned bit = 0x80U >> i % 8;
		if ((a->bytes[i / 8] ^ n->address.bytes[i / 8]) & bit)
			return false;
	}
	return true;
}

/* Reduces an IPv6 address to its /64 network. */
static void widen(struct address *a)
{
	if (!is_mapped(a))
		memset(a->bytes + NETWORK_BITS / 8, 0,
		    sizeof a->bytes - NETWORK_BITS / 8);
}

/* "10.0.0.0/8", "::1" */
static bool parse_network(char *text, struct network *n)
{
	char *slash = strchr(text, '/'), *end = NULL;
	unsigned char four[4];
	if (slash)
		*slash++ = '\0';
	bool v4 = inet_pton(AF_INET, text, four) == 1;
	if (v4)
		map(&n->address, four);
	else if (inet_pton(AF_INET6, text, n->address.bytes) != 1)
		return false;
	unsigned long most = v4 ? 32 : 128, bits = most;
	if (slash)
		bits = strtoul(slash, &end, 10);
	if (slash && (*slash < '0' || *slash > '9' || *end || bits > most))
		return false;
	n->bits = (unsigned)bits + (v4 ? MAPPED_BITS : 0);
	return true;
}

/* Returns the number of networks; SIZE_MAX: malformed. `out` may be NULL. */
static size_t parse_networks(const char *list, struct network *out)
{
	char *copy = mem_strdup(list), *rest = NULL;
	size_t n = 0;
	for (char *s = strtok_r(copy, ", ", &rest); s && n != SIZE_MAX;
	     s = strtok_r(NULL, ", ", &rest)) {
		struct network network = {0};
		bool good = parse_network(s, &network);
		if (good && out)
			out[n] = network;
		n = good ? n + 1 : SIZE_MAX;
	}
	free(copy);
	return n;
}

bool clients_check(const char *exempt)
{
	return parse_networks(exempt, NULL) != SIZE_MAX;
}

static bool is_exempt(const struct clients *cs, const struct address *a)
{
	for (size_t i = 0; i < cs->nexempt; i++) {
		if (clients_inside(a, &cs->exempt[i]))
			return true;
	}
	return false;
}

/* --- counts -------------------------------------------------------------- */

static void clients_lock(struct clients *cs)
{
	CHECK_OS(pthread_mutex_lock(&cs->lock));
}

static void clients_unlock(struct clients *cs)
{
	CHECK_OS(pthread_mutex_unlock(&cs->lock));
}

/* The link that points to the client; if there is none, to NULL at the place
 * where it would be. */
static struct client **clients_find(struct clients *cs, const struct address *a)
{
	uint64_t hash = XXH3_64bits_withSeed(a, sizeof *a, cs->seed);
	struct client **link = &cs->chains[hash % CHAINS];
	while (*link && memcmp(&(*link)->address, a, sizeof *a) != 0)
		link = &(*link)->chain;
	return link;
}

static struct client *clients_make(struct clients *cs, const struct address *a)
{
	struct client *c = MEM_NEW(struct client);
	c->all = cs;
	c->address = *a;
	cs->n++;
	return c;
}

static bool clients_take(struct client *c, enum client_kind kind)
{
	if (c->has[kind] >= c->all->most[kind]) {
		c->all->refused[kind]++;
		return false;
	}
	c->has[kind]++;
	c->sum++;
	return true;
}

static void clients_give(struct client *c, enum client_kind kind)
{
	struct clients *cs = c->all;
	CHECK(c->has[kind] > 0);
	c->has[kind]--;
	if (--c->sum)
		return;
	struct client **link = clients_find(cs, &c->address);
	CHECK(*link == c);
	*link = c->chain;
	cs->n--;
	free(c);
}

bool clients_enter(
    struct clients *cs, const struct sockaddr *address, struct client **out)
{
	struct address a;
	*out = NULL;
	if (!take_address(address, &a) || is_exempt(cs, &a))
		return true;
	widen(&a);
	clients_lock(cs);
	struct client **link = clients_find(cs, &a);
	if (*link == NULL)
		*link = clients_make(cs, &a);
	bool taken = clients_take(*link, CLIENT_CONNECTIONS);
	if (taken)
		*out = *link;
	clients_unlock(cs);
	return taken;
}

bool clients_take_for(struct clients *cs, const struct client_key *key,
    enum client_kind kind, struct client **out)
{
	struct address a = {.caller = true};
	memcpy(a.bytes, key->bytes, sizeof a.bytes);
	clients_lock(cs);
	struct client **link = clients_find(cs, &a);
	if (*link == NULL)
		*link = clients_make(cs, &a);
	/* A new one has nothing, and may have one of each. */
	bool taken = clients_take(*link, kind);
	*out = taken ? *link : NULL;
	clients_unlock(cs);
	return taken;
}

struct client_key client_address(const struct client *c)
{
	struct client_key key;
	memcpy(key.bytes, c->address.bytes, sizeof key.bytes);
	return key;
}

void clients_leave(struct client **c)
{
	client_give(*c, CLIENT_CONNECTIONS);
	*c = NULL;
}

bool client_take(struct client *c, enum client_kind kind)
{
	if (c == NULL)
		return true;
	struct clients *cs = c->all;
	clients_lock(cs);
	bool taken = clients_take(c, kind);
	clients_unlock(cs);
	return taken;
}

void client_give(struct client *c, enum client_kind kind)
{
	if (c == NULL)
		return;
	struct clients *cs = c->all;
	clients_lock(cs);
	clients_give(c, kind);
	clients_unlock(cs);
}

/* --- life ---------------------------------------------------------------- */

struct clients *clients_new(const size_t most[CLIENT_KINDS], const char *exempt)
{
	struct clients *cs = MEM_NEW(struct clients);
	CHECK_OS(pthread_mutex_init(&cs->lock, NULL));
	cs->seed = random_bits();
	for (size_t i = 0; i < CLIENT_KINDS; i++)
		cs->most[i] = most[i] ? most[i] : 1;
	cs->nexempt = parse_networks(exempt, NULL);
	CHECK(cs->nexempt != SIZE_MAX);
	cs->exempt = mem_zalloc((cs->nexempt + 1) * sizeof *cs->exempt);
	parse_networks(exempt, cs->exempt);
	return cs;
}

uint64_t clients_refused(struct clients *cs, enum client_kind kind)
{
	clients_lock(cs);
	uint64_t n = cs->refused[kind];
	clients_unlock(cs);
	return n;
}

size_t clients_count(struct clients *cs)
{
	clients_lock(cs);
	size_t n = cs->n;
	clients_unlock(cs);
	return n;
}

void clients_free(struct clients **csp)
{
	struct clients *cs = *csp;
	if (cs == NULL)
		return;
	CHECK(cs->n == 0);
	CHECK_OS(pthread_mutex_destroy(&cs->lock));
	free(cs->exempt);
	free(cs);
	*csp = NULL;
}
