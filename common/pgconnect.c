#include "common/pgconnect.h"

#include "common/buf.h"
#include "common/check.h"

#include <string.h>

/* The list begun elsewhere; "" when there is none. A list of one is of all the
 * hosts. */
static void rotate(struct buf *out, const char *list, size_t skip)
{
	size_t n = 1;
	for (const char *s = list; *s; s++)
		n += *s == ',';
	const char *first = list;
	for (size_t i = 0; i < skip % n; i++)
		first = strchr(first, ',') + 1;
	buf_str(out, first);
	if (first == list)
		return;
	buf_char(out, ',');
	buf_add(out, list, (size_t)(first - list) - 1);
}

static const char *value_of(const PQconninfoOption *options, const char *name)
{
	for (; options->keyword; options++) {
		if (strcmp(options->keyword, name) == 0 && options->val)
			return options->val;
	}
	return "";
}

PGconn *pg_connect(const char *url, const char *session, size_t skip)
{
	/* What stands before dbname is a default, what stands after it rules;
	 * and what is empty does not stand there. */
	const char *const names[] = {"application_name", "connect_timeout",
	    "keepalives_idle", "keepalives_interval", "keepalives_count",
	    "tcp_user_timeout", "target_session_attrs", "dbname", "host",
	    "hostaddr", "port", NULL};
	enum { HOST = 8, LISTS = 3 };
	const char *values[] = {"sluice", "5", "10", "3", "3", "10000",
	    session ? session : "any", url, "", "", "", NULL};
	struct buf lists[LISTS] = {{0}};
	PQconninfoOption *options = skip ? PQconninfoParse(url, NULL) : NULL;
	for (size_t i = 0; options && i < LISTS; i++) {
		rotate(&lists[i], value_of(options, names[HOST + i]), skip);
		values[HOST + i] = lists[i].data;
	}
	PGconn *conn = PQconnectStartParams(names, values, 1);
	CHECK(conn != NULL);
	PQconninfoFree(options);
	for (size_t i = 0; i < LISTS; i++)
		buf_free(&lists[i]);
	return conn;
}
