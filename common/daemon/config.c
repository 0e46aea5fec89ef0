#include "common/daemon/config.h"

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/daemon/config_family.h"
#include "common/daemon/config_priv.h"
#include "common/daemon/near_miss.h"
#include "common/daemon/secret_file.h"
#include "common/kafka/kafka.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SETTING(kind, field, name, def, allowed, aliases, help)                \
	SETTING_ROW(struct common_settings, kind, field, name, def, allowed,   \
	    aliases, help)
static const struct setting common_rows[] = {
#include "common/daemon/settings.def"
};
#undef SETTING
enum { COMMON_ROWS = sizeof common_rows / sizeof common_rows[0] };

size_t config_row_count(const struct config *c)
{
	return COMMON_ROWS + c->nrows;
}

const struct setting *config_row_at(const struct config *c, size_t i)
{
	return i < COMMON_ROWS ? &common_rows[i] : &c->rows[i - COMMON_ROWS];
}

/* The index of the setting; config_row_count(c): there is none. */
static size_t config_find(const struct config *c, const char *name)
{
	size_t i = 0;
	while (i < config_row_count(c) &&
	       strcmp(config_row_at(c, i)->name, name) != 0)
		i++;
	return i;
}

/* --- names -------------------------------------------------------------- */

/* Is `given` the name of `len` bytes? */
typedef bool same_name(const char *given, const char *name, size_t len);

static bool text_is(const char *given, const char *name, size_t len)
{
	return strncmp(given, name, len) == 0 && given[len] == '\0';
}

/* SLUICE_PRIMARY_URL means primary.url: `_` stands for `.`, `-` and `_`. */
static bool env_is(const char *env, const char *name, size_t len)
{
	for (; *env && len; env++, name++, len--) {
		char want = *name == '.' || *name == '-' ? '_' : *name;
		if (tolower((unsigned char)*env) != want)
			return false;
	}
	return *env == '\0' && len == 0;
}

/* The alias with the given name, and its length; NULL: there is none. */
static const char *find_alias(
    const struct setting *row, const char *given, same_name *same, size_t *len)
{
	for (const char *s = row->aliases; *s; s += *s == ' ') {
		*len = strcspn(s, " ");
		if (same(given, s, *len))
			return s;
		s += *len;
	}
	return NULL;
}

/* Former names have small letters, environment variables have capitals. */
static bool is_former(const char *alias)
{
	return islower((unsigned char)*alias);
}

const char *config_near_miss(const struct config *c, const char *name)
{
	struct near_miss m = near_miss_of(name);
	for (size_t i = 0; i < config_row_count(c); i++)
		near_miss_try(&m, config_row_at(c, i)->name);
	return near_miss_found(&m);
}

/* `suffix`: ".file" or "", which is not part of `name`. */
static struct err unknown_name(
    const struct config *c, const char *name, const char *suffix)
{
	const char *meant = config_near_miss(c, name);
	if (meant == NULL)
		return err_make(ERR_KIND_FATAL, "config",
		    "unknown setting '%s%s' (--help lists all)", name, suffix);
	return err_make(ERR_KIND_FATAL, "config",
	    "unknown setting '%s%s'; did you mean '%s%s'? (--help lists all)",
	    name, suffix, meant, suffix);
}

static struct err set_row(
    struct config *c, const struct setting *row, const char *value)
{
	if (setting_set(row, c->settings, value))
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, "config",
	    "setting '%s' has the bad value '%s'; allowed: %s", row->name,
	    setting_is_secret(row) ? "***" : value, setting_allowed(row));
}

static struct err given_twice(
    const struct setting *row, const struct config_given *given)
{
	return err_make(ERR_KIND_FATAL, "config",
	    "setting '%s' is also given under its former name '%.*s': remove "
	    "the former name",
	    row->name, (int)given->former_len, given->former);
}

static struct err given_as_both(const char *name)
{
	return err_make(ERR_KIND_FATAL, "config",
	    "setting '%s' is given as '%s' and as '%s.file': remove one of "
	    "them",
	    name, name, name);
}

static struct err set_named(struct config *c, size_t i, const char *value)
{
	c->given[i].named = true;
	if (c->given[i].former)
		return given_twice(config_row_at(c, i), &c->given[i]);
	if (config_file_of(c, config_row_at(c, i)->name))
		return given_as_both(config_row_at(c, i)->name);
	return set_row(c, config_row_at(c, i), value);
}

/* Sets the setting that has this former name. *known: there is one. */
static struct err set_former(struct config *c, const char *name,
    same_name *same, const char *value, bool *known)
{
	*known = false;
	for (size_t i = 0; i < config_row_count(c) && !*known; i++) {
		const struct setting *row = config_row_at(c, i);
		size_t len;
		const char *alias = find_alias(row, name, same, &len);
		if (alias == NULL || !is_former(alias))
			continue;
		*known = true;
		c->given[i].former = alias;
		c->given[i].former_len = len;
		if (c->given[i].named)
			return given_twice(row, &c->given[i]);
		return set_row(c, row, value);
	}
	return ERR_OK;
}

static struct err set_value(
    struct config *c, const char *name, const char *value)
{
	bool known;
	size_t i = config_find(c, name);
	if (i < config_row_count(c))
		return set_named(c, i, value);
	struct err e = set_former(c, name, text_is, value, &known);
	if (known)
		return e;
	const char *rest;
	struct config_family *family = config_family_of(c, name, &rest);
	if (family == NULL)
		return unknown_name(c, name, "");
	if (config_file_of(c, name))
		return given_as_both(name);
	config_family_set(family, rest, value, false);
	return ERR_OK;
}

/* --- values from files -------------------------------------------------- */

/* The length of the name without its ending; 0: it has not this ending. */
static size_t stem_length(const char *name, const char *ending)
{
	size_t len = strlen(name), tail = strlen(ending);
	bool has = len > tail && strcmp(name + len - tail, ending) == 0;
	return has ? len - tail : 0;
}

static struct config_file *find_file(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->nfiles; i++) {
		if (strcmp(c->files[i].name, name) == 0)
			return &c->files[i];
	}
	return NULL;
}

const char *config_file_of(const struct config *c, const char *name)
{
	const struct config_file *f = find_file(c, name);
	return f ? f->path : NULL;
}

static void remember_file(struct config *c, const char *name, const char *path)
{
	struct config_file *f = find_file(c, name);
	if (f == NULL) {
		c->files =
		    mem_realloc(c->files, (c->nfiles + 1) * sizeof *c->files);
		f = &c->files[c->nfiles++];
		*f = (struct config_file){.name = mem_strdup(name)};
	}
	free(f->path);
	f->path = mem_strdup(path);
}

/* Was its value given, too? */
static bool config_is_given(
    const struct config *c, const char *name, size_t row)
{
	if (row < config_row_count(c))
		return c->given[row].named;
	const char *rest;
	const struct config_family *family = config_family_of(c, name, &rest);
	return config_family_find(family, rest) && !find_file(c, name);
}

static struct err set_content(
    struct config *c, const char *name, size_t row, const char *value)
{
	if (row == config_row_count(c)) {
		const char *rest;
		struct config_family *family = config_family_of(c, name, &rest);
		config_family_set(family, rest, value, true);
		return ERR_OK;
	}
	if (setting_set(config_row_at(c, row), c->settings, value))
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, "config",
	    "setting '%s' has a bad value in the file '%s'; allowed: %s", name,
	    config_file_of(c, name), setting_allowed(config_row_at(c, row)));
}

/* `name` is without its ending. */
static struct err set_file(struct config *c, const char *name, const char *path)
{
	size_t row = config_find(c, name);
	const char *rest;
	if (row == config_row_count(c) && !config_family_of(c, name, &rest))
		return unknown_name(c, name, ".file");
	if (config_is_given(c, name, row))
		return given_as_both(name);
	if (row < config_row_count(c) && c->given[row].former)
		return given_twice(config_row_at(c, row), &c->given[row]);
	char *value;
	struct err e = secret_file_read(path, &value);
	if (e.kind != ERR_KIND_OK && c->lenient)
		return ERR_OK;
	if (e.kind != ERR_KIND_OK)
		return err_make(ERR_KIND_FATAL, "config",
		    "setting '%s.file': %s", name, e.msg);
	remember_file(c, name, path);
	e = set_content(c, name, row, value);
	explicit_bzero(value, strlen(value));
	free(value);
	return e;
}

struct err config_set(struct config *c, const char *name, const char *value)
{
	size_t len = stem_length(name, ".file");
	if (len == 0)
		return set_value(c, name, value);
	char *stem = mem_strndup(name, len);
	struct err e = set_file(c, stem, value);
	free(stem);
	return e;
}

static bool is_known(const struct config *c, const char *name)
{
	const char *rest;
	if (config_has(c, name) || config_family_of(c, name, &rest))
		return true;
	for (size_t i = 0; i < config_row_count(c); i++) {
		size_t len;
		const char *alias =
		    find_alias(config_row_at(c, i), name, text_is, &len);
		if (alias && is_former(alias))
			return true;
	}
	return false;
}

bool config_knows(const struct config *c, const char *name)
{
	size_t len = stem_length(name, ".file");
	if (len == 0)
		return is_known(c, name);
	char *stem = mem_strndup(name, len);
	bool known = is_known(c, stem);
	free(stem);
	return known;
}

bool config_has(const struct config *c, const char *name)
{
	return config_find(c, name) < config_row_count(c);
}

const char *config_text(const struct config *c, const char *name)
{
	size_t i = config_find(c, name);
	CHECK(i < config_row_count(c) && setting_is_text(config_row_at(c, i)));
	return *(char **)((char *)c->settings + config_row_at(c, i)->offset);
}

const char *config_renamed(
    const struct config *c, size_t *i, const char **former, int *former_len)
{
	while (*i < config_row_count(c) && c->given[*i].former == NULL)
		++*i;
	if (*i == config_row_count(c))
		return NULL;
	*former = c->given[*i].former;
	*former_len = (int)c->given[*i].former_len;
	return config_row_at(c, (*i)++)->name;
}

/* --- sources ------------------------------------------------------------ */

static char *trim(char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	char *end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return s;
}

static struct err load_line(
    struct config *c, const char *path, int number, char *line)
{
	char *text = trim(line);
	if (*text == '\0' || *text == '#')
		return ERR_OK;
	char *equals = strchr(text, '=');
	if (equals == NULL)
		return err_make(ERR_KIND_FATAL, "config",
		    "%s:%d: expected 'name = value'", path, number);
	*equals = '\0';
	struct err e = config_set(c, trim(text), trim(equals + 1));
	if (e.kind != ERR_KIND_OK)
		return err_make(
		    ERR_KIND_FATAL, "config", "%s:%d: %s", path, number, e.msg);
	return ERR_OK;
}

static struct err unreadable(const char *path)
{
	return err_make(ERR_KIND_FATAL, "config",
	    "cannot read the file '%s': %s", path, strerror(errno));
}

void config_load_file(struct config *c, const char *path, struct faults *faults)
{
	FILE *f = fopen(path, "re");
	if (f == NULL) {
		faults_add(faults, unreadable(path));
		return;
	}
	char *line = NULL;
	size_t cap = 0;
	for (int n = 1;; n++) {
		errno = 0;
		if (getline(&line, &cap, f) < 0)
			break;
		faults_add(faults, load_line(c, path, n, line));
	}
	/* For example a folder, which can be opened but not read. */
	if (ferror(f))
		faults_add(faults, unreadable(path));
	free(line);
	fclose(f);
}

/* Is it a variable of the scripts around the daemons, and no setting? */
static bool env_foreign(const char *name)
{
	static const char *const prefixes[] = {
	    "STACK_", "TEST_", "BIN_DIR", "CACHE_DIR"};
	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	}
	return false;
}

/* The setting that SLUICE_ and `variable` mean; config_row_count(c): none. */
static size_t find_variable(const struct config *c, const char *variable)
{
	size_t i = 0;
	while (i < config_row_count(c) &&
	       !env_is(variable, config_row_at(c, i)->name,
		   strlen(config_row_at(c, i)->name)))
		i++;
	return i;
}

/* *known: it is the variable of a setting's file. */
static struct err load_file_variable(
    struct config *c, const char *name, const char *path, bool *known)
{
	size_t len = stem_length(name, "_FILE");
	char *stem = mem_strndup(name, len);
	size_t i = find_variable(c, stem);
	free(stem);
	*known = len > 0 && i < config_row_count(c);
	return *known ? set_file(c, config_row_at(c, i)->name, path) : ERR_OK;
}

static struct err load_variable(
    struct config *c, const char *name, const char *value)
{
	bool known;
	size_t i = find_variable(c, name);
	if (i < config_row_count(c))
		return set_named(c, i, value);
	struct err e = load_file_variable(c, name, value, &known);
	if (known)
		return e;
	e = set_former(c, name, env_is, value, &known);
	if (known)
		return e;
	char dotted[128];
	config_family_variable(name, dotted, sizeof dotted);
	/* It is unknown, one of a family, or the file of one. */
	return env_foreign(name) ? ERR_OK : config_set(c, dotted, value);
}

static struct err load_alias(
    struct config *c, const char *name, const char *value)
{
	for (size_t i = 0; i < config_row_count(c); i++) {
		const struct setting *row = config_row_at(c, i);
		size_t len;
		const char *alias = find_alias(row, name, text_is, &len);
		if (alias == NULL || is_former(alias) ||
		    config_file_of(c, row->name))
			continue;
		struct err e = set_row(c, row, value);
		if (e.kind != ERR_KIND_OK)
			return err_make(ERR_KIND_FATAL, "config",
			    "environment %s: %s", name, e.msg);
	}
	return ERR_OK;
}

/* Calls `load` with each variable whose name begins with `prefix`, without the
 * prefix. */
static void each_variable(struct config *c, char **env, const char *prefix,
    struct err (*load)(struct config *, const char *, const char *),
    struct faults *faults)
{
	size_t skip = strlen(prefix);
	for (char **v = env; *v; v++) {
		size_t len = strcspn(*v, "=");
		if (strncmp(*v, prefix, skip) != 0 || (*v)[len] != '=')
			continue;
		char *name = mem_strndup(*v + skip, len - skip);
		faults_add(faults, load(c, name, *v + len + 1));
		free(name);
	}
}

/* In two passes: Sluice's own names override those of the reference systems. */
void config_load_env(struct config *c, char **env, struct faults *faults)
{
	each_variable(c, env, "", load_alias, faults);
	each_variable(c, env, "SLUICE_", load_variable, faults);
}

/* --- life ---------------------------------------------------------------- */

void config_init(
    struct config *c, void *settings, const struct setting *rows, size_t nrows)
{
	*c =
	    (struct config){.settings = settings, .rows = rows, .nrows = nrows};
	c->given = mem_zalloc(config_row_count(c) * sizeof *c->given);
	for (size_t i = 0; i < config_row_count(c); i++)
		CHECK(setting_set(config_row_at(c, i), c->settings,
		    config_row_at(c, i)->def));
}

void config_free(struct config *c)
{
	for (size_t i = 0; i < config_row_count(c); i++) {
		if (setting_is_text(config_row_at(c, i)))
			free(*(char **)((char *)c->settings +
					config_row_at(c, i)->offset));
	}
	config_family_free(&c->kafka);
	config_family_free(&c->limits);
	for (size_t i = 0; i < c->nfiles; i++) {
		free(c->files[i].name);
		free(c->files[i].path);
	}
	free(c->files);
	free(c->given);
	*c = (struct config){0};
}

struct kafka_config config_kafka(const struct config *c)
{
	const struct common_settings *s = c->settings;
	return (struct kafka_config){
	    .servers = s->kafka_servers,
	    .extra = c->kafka.all,
	    .nextra = c->kafka.n,
	    .client_id = "sluice",
	    .token_file = config_file_of(c, "kafka.sasl.oauthbearer.token"),
	};
}

struct tls_client_options config_redis_tls(const struct common_settings *s)
{
	return (struct tls_client_options){
	    .name = "redis.tls",
	    .ca = s->redis_tls_ca,
	    .cert = s->redis_tls_cert,
	    .key = s->redis_tls_key,
	};
}
