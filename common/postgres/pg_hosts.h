/* Beginning a connection to one of the Postgres servers that a URL lists.
 *
 * libpq tries its hosts one after the other, but leaves one only when that
 * refuses: it would wait for one that takes and says nothing, or that is gone,
 * again with every attempt. So whoever has waited for long enough says so, and
 * from then on every such connection of the process begins behind that one.
 */
#pragma once

#include <libpq-fe.h>

/* Begins to connect (PQconnectPoll): with the timeouts that all connections
 * have, and target_session_attrs unless the URL names them. The URL was
 * checked. `turn`: for pg_hosts_hung. Any thread. Returns owned. */
PGconn *pg_connect(const char *url, const char *session, unsigned *turn);
/* An attempt that began at this turn got no answer. Any thread. */
void pg_hosts_hung(const char *url, const char *session, unsigned turn);
