/* What can be asked of a running api on its admin port, beside the listener's
 * own: GET /inspect/{collection}/{key}, DELETE /cache[/{collection}[/{key}]].
 */
#pragma once

#include "common/daemon/admin.h"
#include "common/log/keyspace.h"
#include "common/schema/collection.h"

#include <stdbool.h>

struct instance;

/* What a request is about. */
struct operand {
	const struct collection *collection; /* NULL: all */
	char *id; /* collection/key, or collection/ for all of it, or empty */
	size_t id_len;
	const char *key; /* inside id; NULL: none */
	size_t key_len;
	struct key_slot slot; /* with a key */
};

/* As admin_options.routes; routes_arg is struct instance. */
extern const struct router admin_routes;
/* Frees what the operand owns. */
void operand_free(struct operand *o);
