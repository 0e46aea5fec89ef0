/* Routes of the api's admin port, in addition to the listener's own: GET
 * /inspect/{collection}/{key}, DELETE /cache[/{collection}[/{key}]].
 */
#pragma once

#include "common/daemon/admin.h"
#include "common/log/keyspace.h"
#include "common/schema/collection.h"

#include <stdbool.h>

struct instance;

/* The collection or the key that a request names. */
struct operand {
	const struct collection *collection; /* NULL: all collections */
	char *id; /* owned: collection/key, or "collection/", or "" */
	size_t id_len;
	const char *key; /* inside id; NULL: no key */
	size_t key_len;
	struct key_slot slot; /* only if there is a key */
};

/* For admin_options.routes; routes_arg is struct instance. */
extern const struct router admin_routes;
/* Frees what the operand owns. */
void operand_free(struct operand *o);
