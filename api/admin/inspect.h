/* GET /inspect/{collection}/{key}: the key in every tier, as it is now. The
 * first request thread asks the tiers, as for a read. But L1 does not count it
 * as a hit, and no cache is filled.
 */
#pragma once

#include "api/admin/admin_routes.h"

/* Takes the operand and the exchange; answers later. Main loop. */
void inspect_start(
    struct instance *instance, struct admin_exchange *x, struct operand *o);
