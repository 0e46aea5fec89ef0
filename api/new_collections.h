/* What the api does for collections that are new in it: SIGHUP brings them
 * (common/daemon/reload_settings.h).
 *
 * Whatever is kept for each collection has room for them from the start. What
 * is left: what this instance has heard of them until now, when they were
 * nothing to it, and what it has made of the other ones.
 *
 * On the main loop. `arg`: the struct app.
 */
#pragma once

#include "common/daemon/reload_settings.h"

void new_collections_begin(void *arg, const struct collection *c);
void new_collections_taken(void *arg);
