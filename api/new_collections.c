#include "api/new_collections.h"

#include "api/access/credentials.h"
#include "api/app.h"
#include "api/commits/tail.h"
#include "api/core/guard.h"
#include "api/service/assets.h"
#include "api/write/id_tail.h"
#include "api/write/schema_ready.h"

/* Before a request can find it: no page of it may be served that is older than
 * the commits that were heard of. */
void new_collections_begin(void *arg, const struct collection *c)
{
	struct app *app = arg;
	if (app->shared.tail)
		tail_begin_collection(app->shared.tail, c);
}

void new_collections_taken(void *arg)
{
	struct app *app = arg;
	struct cors_header headers[CORS_HEADERS];
	size_t n = guard_always(app->guard, headers);
	schema_ready_again(app->shared.migrated);
	if (app->shared.id_tail)
		id_tail_again(app->shared.id_tail);
	/* They may name other roles and claims. */
	if (app->shared.credentials)
		credentials_forget(app->shared.credentials);
	assets_renew(app->shared.assets, app->shared.routes, headers, n);
}
