/* The command line of a daemon.
 *
 *   --name=value, --name value   a setting, or an option with a value
 *   --name                       a command without a value
 *
 * The settings of the families (`kafka.<property>`, `limit.<role>`) have names
 * that are known only when they are read, and GNU's getopt_long takes any
 * beginning of a name for the name. So this is no table for getopt_long.
 */
#pragma once

#include "common/daemon/daemon.h"
#include "common/daemon/faults.h"

struct arguments {
	const char *file;  /* --config; NULL: none */
	bool check;	   /* --check-config */
	const char *docs;  /* --print-docs; NULL: not given */
	const char *probe; /* --probe: a page; NULL: not given */
	bool help, version;
	struct argument {
		char *name; /* of a setting; owned */
		const char *value;
	} * settings;
	size_t nsettings;
};

/* Reads `argv` from [1] on. It is borrowed as long as `out` is used. Flags and
 * options of the spec are set at once, in their order; settings are kept. What
 * is not understood is added to `faults`. A value is never shown: it may be a
 * secret. */
void arguments_read(struct arguments *out, const struct daemon_spec *spec,
    int argc, char *const *argv, struct faults *faults);
/* Sets the settings, in their order. */
void arguments_apply(
    const struct arguments *a, struct config *c, struct faults *faults);
void arguments_free(struct arguments *a);

/* The commands that every daemon has, one by one, for --help. NULL: no more. */
struct arguments_command {
	const char *name;
	const char *value; /* what stands for it in --help; NULL: it has none */
	bool may_lack;	   /* the value; if it is there, it is behind a `=` */
	const char *help;
};
const struct arguments_command *arguments_command_at(size_t i);
