#include "common/daemon/arguments.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/daemon/config_family.h"
#include "common/daemon/near_miss.h"

#include <stdlib.h>
#include <string.h>

enum command {
	CONFIG,
	CHECK_CONFIG,
	PRINT_DOCS,
	PROBE,
	VERSION,
	HELP,
	COMMANDS
};

static const struct arguments_command commands[COMMANDS] = {
    [CONFIG] = {"config", "FILE", false,
	"Reads settings from this file (name = value)."},
    [CHECK_CONFIG] = {"check-config", NULL, false,
	"Checks the settings, and exits."},
    [PRINT_DOCS] = {"print-docs", "config|metrics|events", false,
	"Prints this page of the documentation, and exits."},
    [PROBE] = {"probe", "readyz|livez", true,
	"Asks the daemon that runs with these settings, on admin.listen. Exit "
	"code 0: well, 1: not. Without a page: readyz."},
    [VERSION] = {"version", NULL, false,
	"Prints the version, and those of the libraries, and exits."},
    [HELP] = {"help", NULL, false, "Prints this text, and exits. Also -h."},
};

const struct arguments_command *arguments_command_at(size_t i)
{
	return i < COMMANDS ? &commands[i] : NULL;
}

/* An argument that begins with `--`. */
struct item {
	char *name;	   /* without `--` and value */
	const char *equal; /* the value behind `=`; NULL: there is no `=` */
	const char *next; /* the next argument, if it may be a value; or NULL */
	bool took_next;
};

/* The value of an argument that must have one. NULL: it is missing. */
static const char *value_of(struct item *it)
{
	if (it->equal)
		return it->equal;
	it->took_next = it->next != NULL;
	return it->next;
}

static struct err value_missing(const char *name, const char *value)
{
	return err_make(ERR_KIND_FATAL, "config",
	    "argument '--%s': expected --%s %s (--help)", name, name, value);
}

static struct err value_too_many(const char *name)
{
	return err_make(ERR_KIND_FATAL, "config",
	    "argument '--%s': it takes no value (--help)", name);
}

/* --- commands, flags, options -------------------------------------------- */

static void do_command(
    struct arguments *out, enum command which, const char *value)
{
	switch (which) {
	case CONFIG:
		out->file = value;
		break;
	case CHECK_CONFIG:
		out->check = true;
		break;
	case PRINT_DOCS:
		out->docs = value;
		break;
	case PROBE:
		out->probe = value ? value : "readyz";
		break;
	case VERSION:
		out->version = true;
		break;
	case HELP:
		out->help = true;
		break;
	case COMMANDS:
		CHECK(false);
	}
}

static bool take_command(
    struct arguments *out, struct item *it, struct faults *faults)
{
	size_t i = 0;
	while (i < COMMANDS && strcmp(commands[i].name, it->name) != 0)
		i++;
	if (i == COMMANDS)
		return false;
	const struct arguments_command *c = &commands[i];
	const char *value = c->may_lack ? it->equal
			    : c->value	? value_of(it)
					: NULL;
	if (c->value == NULL && it->equal)
		faults_add(faults, value_too_many(c->name));
	else if (c->value && !c->may_lack && value == NULL)
		faults_add(faults, value_missing(c->name, c->value));
	else
		do_command(out, (enum command)i, value);
	return true;
}

static bool arguments_take_flag(const struct daemon_spec *spec,
    const struct item *it, struct faults *faults)
{
	for (size_t i = 0; i < spec->nflags; i++) {
		if (strcmp(spec->flags[i].name, it->name) != 0)
			continue;
		if (it->equal)
			faults_add(faults, value_too_many(it->name));
		*spec->flags[i].set = true;
		return true;
	}
	return false;
}

static bool take_option(
    const struct daemon_spec *spec, struct item *it, struct faults *faults)
{
	for (size_t i = 0; i < spec->noptions; i++) {
		const struct daemon_option *o = &spec->options[i];
		if (strcmp(o->name, it->name) != 0)
			continue;
		const char *value = value_of(it);
		if (value)
			o->take(o->arg, value);
		else
			faults_add(faults, value_missing(o->name, o->value));
		return true;
	}
	return false;
}

/* --- settings ------------------------------------------------------------ */

/* --primary-url means primary.url: no setting has a dash in its name, except
 * for the names of roles. */
static void undash(char *name)
{
	size_t fixed = config_family_fixed(name);
	for (size_t i = 0; i < fixed; i++) {
		if (name[i] == '-')
			name[i] = '.';
	}
}

static bool take_setting(struct arguments *out, const struct daemon_spec *spec,
    struct item *it, struct faults *faults)
{
	char *name = mem_strdup(it->name);
	undash(name);
	if (!config_knows(spec->config, name)) {
		free(name);
		return false;
	}
	const char *value = value_of(it);
	if (value == NULL) {
		faults_add(faults, value_missing(it->name, "VALUE"));
		free(name);
		return true;
	}
	out->settings = mem_realloc(
	    out->settings, (out->nsettings + 1) * sizeof *out->settings);
	out->settings[out->nsettings++] = (struct argument){name, value};
	return true;
}

/* --- what is not understood ---------------------------------------------- */

static void say_unknown(
    const struct daemon_spec *spec, const char *given, struct faults *faults)
{
	char *dotted = mem_strdup(given);
	undash(dotted);
	struct near_miss commandlike = near_miss_of(given);
	for (size_t i = 0; i < COMMANDS; i++)
		near_miss_try(&commandlike, commands[i].name);
	for (size_t i = 0; i < spec->nflags; i++)
		near_miss_try(&commandlike, spec->flags[i].name);
	for (size_t i = 0; i < spec->noptions; i++)
		near_miss_try(&commandlike, spec->options[i].name);
	const char *meant = near_miss_found(&commandlike);
	const char *setting = config_near_miss(spec->config, dotted);
	if (setting && (meant == NULL || strchr(given, '.')))
		faults_add(faults,
		    err_make(ERR_KIND_FATAL, "config",
			"unknown setting '%s'; did you mean '%s'? (--help "
			"lists all)",
			dotted, setting));
	else if (meant)
		faults_add(faults,
		    err_make(ERR_KIND_FATAL, "config",
			"unknown argument '--%s'; did you mean '--%s'? (--help "
			"lists all)",
			given, meant));
	else
		faults_add(faults,
		    err_make(ERR_KIND_FATAL, "config",
			"unknown argument '--%s' (--help lists all)", given));
	free(dotted);
}

static bool is_dashed(const char *arg)
{
	return strncmp(arg, "--", 2) == 0;
}

/* Returns how many arguments it took. */
static int take(struct arguments *out, const struct daemon_spec *spec,
    const char *arg, const char *next, struct faults *faults)
{
	size_t len = strcspn(arg + 2, "=");
	struct item it = {
	    .name = mem_strndup(arg + 2, len),
	    .equal = arg[2 + len] ? arg + 2 + len + 1 : NULL,
	    .next = next && !is_dashed(next) ? next : NULL,
	};
	if (!take_command(out, &it, faults) &&
	    !arguments_take_flag(spec, &it, faults) &&
	    !take_option(spec, &it, faults) &&
	    !take_setting(out, spec, &it, faults)) {
		say_unknown(spec, it.name, faults);
		/* It would be its value, so nothing is said about it. */
		it.took_next = it.equal == NULL && it.next != NULL;
	}
	free(it.name);
	return it.took_next ? 2 : 1;
}

void arguments_read(struct arguments *out, const struct daemon_spec *spec,
    int argc, char *const *argv, struct faults *faults)
{
	for (int i = 1; i < argc;) {
		if (strcmp(argv[i], "-h") == 0) {
			out->help = true;
			i++;
		} else if (is_dashed(argv[i])) {
			const char *next = i + 1 < argc ? argv[i + 1] : NULL;
			i += take(out, spec, argv[i], next, faults);
		} else {
			faults_add(faults,
			    err_make(ERR_KIND_FATAL, "config",
				"unknown argument '%s' (--help lists all)",
				argv[i]));
			i++;
		}
	}
}

void arguments_apply(
    const struct arguments *a, struct config *c, struct faults *faults)
{
	for (size_t i = 0; i < a->nsettings; i++)
		faults_add(faults,
		    config_set(c, a->settings[i].name, a->settings[i].value));
}

void arguments_free(struct arguments *a)
{
	for (size_t i = 0; i < a->nsettings; i++)
		free(a->settings[i].name);
	free(a->settings);
	*a = (struct arguments){0};
}
