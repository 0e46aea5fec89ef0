/* GET /inspect/{collection}/{key}: the key in every tier, as it is now. The
 * tiers are asked as for a read, by the first request thread; L1 does not count
 * it as a hit, and nothing is filled.
 */
#pragma once

#include "api/admin/admin_routes.h"

/* Takes the operand and the exchange. */
void inspect_start(
    struct instance *instance, struct admin_exchange *x, struct operand *o);
