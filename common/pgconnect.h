/* Beginning a connection to one of the Postgres servers that a URL lists. */
#pragma once

#include <libpq-fe.h>
#include <stddef.h>

/* Begins to connect (PQconnectPoll): with the timeouts that all connections
 * have, and target_session_attrs unless the URL names them. The URL was
 * checked. libpq tries its hosts one after the other, but goes on to the next
 * only when one has refused: `skip` of them are tried last. Returns owned. */
PGconn *pg_connect(const char *url, const char *session, size_t skip);
