/* What the modules of the settings share: the rows of both tables. */
#pragma once

#include "common/daemon/config.h"

/* The common rows first, then those of the daemon. */
size_t config_row_count(const struct config *c);
const struct setting *config_row_at(const struct config *c, size_t i);
