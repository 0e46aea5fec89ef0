#include "common/postgres/pg_hosts.h"

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/net/renewal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* By URL and session: a host may be good for one session and bad for another.
 * If two share a place, they may only begin with another host than necessary.
 */
enum { PLACES = 64 };
static atomic_uint turns[PLACES];

static atomic_uint *turn_of(const char *url, const char *session)
{
	uint64_t seed = session ? XXH3_64bits(session, strlen(session)) : 0;
	return &turns[XXH3_64bits_withSeed(url, strlen(url), seed) % PLACES];
}

/* Appends the list, rotated so that another element is the first. An empty list
 * stays empty. A list with one element applies to all hosts, and stays the
 * same. */
static void rotate(struct buf *out, const char *list, unsigned turn)
{
	size_t n = 1;
	for (const char *s = list; *s; s++)
		n += *s == ',';
	const char *first = list;
	for (size_t i = 0; i < turn % n; i++)
		first = strchr(first, ',') + 1;
	buf_str(out, first);
	if (first == list)
		return;
	buf_char(out, ',');
	buf_add(out, list, (size_t)(first - list) - 1);
}

static const char *pg_hosts_value_of(
    const PQconninfoOption *options, const char *name)
{
	for (; options->keyword; options++) {
		if (strcmp(options->keyword, name) == 0 && options->val)
			return options->val;
	}
	return "";
}

PGconn *pg_connect(const char *first, const char *session, unsigned *turn)
{
	char *url = renewal_of(first);
	/* A parameter before dbname is a default. A parameter after it
	 * overrides the URL. An empty one is ignored. */
	const char *const names[] = {"application_name", "connect_timeout",
	    "keepalives_idle", "keepalives_interval", "keepalives_count",
	    "tcp_user_timeout", "target_session_attrs", "dbname", "host",
	    "hostaddr", "port", NULL};
	enum { HOST = 8, LISTS = 3 };
	const char *values[] = {"sluice", "5", "10", "3", "3", "10000",
	    session ? session : "any", url, "", "", "", NULL};
	struct buf lists[LISTS] = {{0}};
	*turn = atomic_load(turn_of(first, session));
	PQconninfoOption *options = *turn ? PQconninfoParse(url, NULL) : NULL;
	for (size_t i = 0; options && i < LISTS; i++) {
		rotate(&lists[i], pg_hosts_value_of(options, names[HOST + i]),
		    *turn);
		values[HOST + i] = lists[i].data;
	}
	PGconn *conn = PQconnectStartParams(names, values, 1);
	CHECK(conn != NULL);
	PQconninfoFree(options);
	free(url);
	for (size_t i = 0; i < LISTS; i++)
		buf_free(&lists[i]);
	return conn;
}

/* If several attempts began with one host, only the first counts. Otherwise two
 * attempts would skip a host. */
void pg_hosts_hung(const char *url, const char *session, unsigned turn)
{
	atomic_compare_exchange_strong(turn_of(url, session), &turn, turn + 1);
}
