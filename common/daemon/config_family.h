/* Settings whose names end freely: `kafka.<property>`, `limit.<role>`. What the
 * values may be is checked elsewhere: by librdkafka, or by the daemon. */
#pragma once

#include "common/daemon/config.h"

/* The family that a name belongs to, and the rest of the name. NULL: none that
 * the daemon has. */
struct config_family *config_family_of(
    const struct config *c, const char *name, const char **rest);
/* Its member of this name; NULL: it is not set, or the family is NULL. */
struct kafka_property *config_family_find(
    const struct config_family *f, const char *rest);
/* Sets it. `secret`: the value is never shown. */
void config_family_set(
    struct config_family *f, const char *rest, const char *value, bool secret);
/* The name of a variable, in small letters, with the dots that it stands for.
 */
void config_family_variable(const char *env, char *out, size_t size);
/* The length of the beginning of an argument in which `-` stands for a dot. */
size_t config_family_fixed(const char *argument);
void config_family_free(struct config_family *f);
