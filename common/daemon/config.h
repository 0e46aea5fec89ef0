/* Configuration: declared once in .def tables, set by file, environment and
 * flags (each overrides the one before).
 *
 *   primary.url = …           in the file given by --config
 *   SLUICE_PRIMARY_URL=…      in the environment
 *   --primary-url=…           on the command line (--primary.url works, too)
 *
 * With `.file` (`_FILE`, `-file`) behind the name, the value is the content of
 * that file (common/daemon/secret_file.h), and is shown in no error. To give a
 * setting in both ways is an error.
 *
 * `kafka.<property>` is passed to librdkafka, which checks it. `limit.<role>`
 * is checked by the daemon that has such settings. An unknown name or a bad
 * value is an error; it names the key, the value and what is allowed. A setting
 * that is given under its name and also under a former name is an error, too.
 */
#pragma once

#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/daemon/faults.h"
#include "common/daemon/setting.h"
#include "common/net/tls_client.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct common_settings {
#define SETTING(kind, field, name, def, allowed, aliases, help)                \
	SETTING_MEMBER(kind, field)
#include "common/daemon/settings.def"
#undef SETTING
};

struct kafka_config;
struct kafka_property;

/* How a setting was given. */
struct config_given {
	bool named;	    /* under its name */
	const char *former; /* under this former name, of `former_len` bytes */
	size_t former_len;
};

/* Settings whose names end freely (common/daemon/config_family.h). */
struct config_family {
	struct kafka_property *all;
	size_t n;
};

/* A setting whose value is in a file. */
struct config_file {
	char *name; /* of the setting, without `.file` */
	char *path;
};

struct config {
	/* The daemon's struct, whose first member is struct common_settings. */
	void *settings;
	const struct setting *rows; /* the daemon's own rows */
	size_t nrows;
	struct config_given
	    *given; /* one for each setting, the common ones first */
	struct config_family kafka;  /* `kafka.<property>` */
	struct config_family limits; /* `limit.<role>` */
	bool has_limits; /* the daemon has them: set after config_init */
	struct config_file *files;
	size_t nfiles;
	/* A file with a value that cannot be read is passed over: for a command
	 * that does not need it. */
	bool lenient;
};

/* Takes no ownership of `settings` and `rows`; every setting has its default
 * afterwards. A bad default is a bug (CHECK). */
void config_init(
    struct config *c, void *settings, const struct setting *rows, size_t nrows);
void config_free(struct config *c);

/* Each error names key, value and what is allowed. */
struct err config_set(struct config *c, const char *name, const char *value);
/* Every line that is good is taken; each other one is a fault. */
void config_load_file(
    struct config *c, const char *path, struct faults *faults);
/* SLUICE_* and the aliases; a SLUICE_ name that is unknown is a fault. */
void config_load_env(struct config *c, char **env, struct faults *faults);

/* The settings that were given under a former name, one by one. `*i` begins at
 * 0. Returns the setting's name and sets the former one; NULL: no more. */
const char *config_renamed(
    const struct config *c, size_t *i, const char **former, int *former_len);

bool config_has(const struct config *c, const char *name);
/* Can config_set set it? It is a setting, a former name of one, a member of a
 * family, or one of these with `.file`. */
bool config_knows(const struct config *c, const char *name);
/* The setting whose name is nearly this one. NULL: none. */
const char *config_near_miss(const struct config *c, const char *name);
/* The value of a setting that is text (its row must be there: CHECK). */
const char *config_text(const struct config *c, const char *name);

/* The file that the setting's value is from; NULL: it was not given so. */
const char *config_file_of(const struct config *c, const char *name);

/* The i-th setting `limit.<role>`: the role, and the value. NULL: no more. */
const char *config_limit(const struct config *c, size_t i, const char **value);

/* For common/kafka/kafka.h. Borrows; valid as long as the settings are. */
struct kafka_config config_kafka(const struct config *c);

/* For redis.tls. Borrows, likewise. */
struct tls_client_options config_redis_tls(const struct common_settings *s);

struct buf;
/* All settings as a JSON object. */
void config_json(const struct config *c, struct buf *out);
/* The table as Markdown (docs/config.md). */
void config_print_docs(const struct config *c);
