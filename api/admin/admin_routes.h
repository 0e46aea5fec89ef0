/* Routes of the api's admin port, in addition to the listener's own: GET
 * /inspect/{collection}/{key}, DELETE /cache[/{collection}[/{key}]].
 */
#pragma once

#include "common/daemon/admin.h"

/* For admin_options.routes; routes_arg is struct instance. */
extern const struct router admin_routes;
