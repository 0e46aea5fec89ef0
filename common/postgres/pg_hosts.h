/* Begins a connection to one of the Postgres servers that a URL lists.
 *
 * libpq tries its hosts one after the other, but goes on only if a host
 * refuses. If a host accepts and never answers, or is gone, it would wait for
 * this host again at every attempt. So a caller whose attempt takes too long
 * calls pg_hosts_hung. From then on, such connections of the process begin with
 * the next host.
 */
#pragma once

#include <libpq-fe.h>

/* Begins to connect (PQconnectPoll), with the timeouts that all connections
 * have, and with target_session_attrs unless the URL names it. The URL must
 * have been checked. `turn` is for pg_hosts_hung. Any thread. Returns owned. */
PGconn *pg_connect(const char *url, const char *session, unsigned *turn);
/* An attempt that began at this turn got no answer. Any thread. */
void pg_hosts_hung(const char *url, const char *session, unsigned turn);
