/* sluice-writer --advance-epoch: the way to a new log. */
#pragma once

#include "writer/core/settings.h"

#include <stdbool.h>

/* Prints what it does; with `dry` it only prints. `made_again`: the topic of
 * the settings was created again, so what it holds was never applied. Returns
 * an exit code. */
int advance_epoch_advance(const struct config *config,
    const struct writer_settings *s, bool dry, bool made_again);
