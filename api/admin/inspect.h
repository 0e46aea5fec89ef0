/* GET /inspect/{collection}/{key}: the key in every tier, as it is now. The
 * first request thread asks the tiers, as for a read. But L1 does not count it
 * as a hit, and no cache is filled.
 */
#pragma once

#include "api/admin/operand.h"

struct instance;

/* Main loop. The instance must not drain. Takes the operand, which has a key.
 * `done` is called once, later, on the main loop, with a 200. */
void inspect_begin(
    struct instance *instance, struct operand *o, operand_done done, void *arg);
