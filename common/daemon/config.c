#include "common/daemon/config.h"

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/mem.h"
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

static size_t row_count(const struct config *c)
{
	return COMMON_ROWS + c->nrows;
}

static const struct setting *row_at(const struct config *c, size_t i)
{
	return i < COMMON_ROWS ? &common_rows[i] : &c->rows[i - COMMON_ROWS];
}

static const struct setting *config_find(
    const struct config *c, const char *name)
{
	for (size_t i = 0; i < row_count(c); i++) {
		if (strcmp(row_at(c, i)->name, name) == 0)
			return row_at(c, i);
	}
	return NULL;
}

/* --- names -------------------------------------------------------------- */

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;
	return m < c ? m : c;
}

/* Levenshtein distance, for the hint after an unknown name. */
static size_t distance(const char *a, const char *b)
{
	enum { LONGEST = 64 };
	size_t row[LONGEST + 1];
	size_t n = strlen(b);
	if (n > LONGEST)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t next = min3(row[j] + 1, row[j - 1] + 1,
			    diagonal + (a[i - 1] != b[j - 1]));
			diagonal = row[j];
			row[j] = next;
		}
	}
	return row[n];
}

static struct err unknown_name(const struct config *c, const char *name)
{
	const char *best = row_at(c, 0)->name;
	for (size_t i = 1; i < row_count(c); i++) {
		if (distance(name, row_at(c, i)->name) < distance(name, best))
			best = row_at(c, i)->name;
	}
	return err_make(ERR_KIND_FATAL, "config",
	    "unknown setting '%s'; did you mean '%s'? (--help lists all)", name,
	    best);
}

static void set_kafka(struct config *c, const char *name, const char *value)
{
	for (size_t i = 0; i < c->nkafka; i++) {
		if (strcmp(c->kafka[i].name, name) != 0)
			continue;
		free(c->kafka[i].value);
		c->kafka[i].value = mem_strdup(value);
		return;
	}
	c->kafka = mem_realloc(c->kafka, (c->nkafka + 1) * sizeof *c->kafka);
	c->kafka[c->nkafka++] =
	    (struct kafka_property){mem_strdup(name), mem_strdup(value)};
}

struct err config_set(struct config *c, const char *name, const char *value)
{
	const struct setting *row = config_find(c, name);
	if (row == NULL && strncmp(name, "kafka.", 6) == 0 && name[6]) {
		set_kafka(c, name + 6, value);
		return ERR_OK;
	}
	if (row == NULL)
		return unknown_name(c, name);
	if (!setting_set(row, c->settings, value))
		return err_make(ERR_KIND_FATAL, "config",
		    "setting '%s' has the bad value '%s'; allowed: %s", name,
		    row->kind == SETTING_URL ? "***" : value,
		    setting_allowed(row));
	return ERR_OK;
}

const char *config_text(const struct config *c, const char *name)
{
	const struct setting *row = config_find(c, name);
	CHECK(row != NULL && setting_is_text(row));
	return *(char **)((char *)c->settings + row->offset);
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

struct err config_load_file(struct config *c, const char *path)
{
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return err_make(ERR_KIND_FATAL, "config",
		    "cannot read the file '%s': %s", path, strerror(errno));
	struct err e = ERR_OK;
	char *line = NULL;
	size_t cap = 0;
	for (int n = 1; e.kind == ERR_KIND_OK; n++) {
		errno = 0;
		if (getline(&line, &cap, f) < 0)
			break;
		e = load_line(c, path, n, line);
	}
	/* A folder can be opened, but not read. */
	if (e.kind == ERR_KIND_OK && ferror(f))
		e = err_make(ERR_KIND_FATAL, "config",
		    "cannot read the file '%s': %s", path, strerror(errno));
	free(line);
	fclose(f);
	return e;
}

/* SLUICE_PRIMARY_URL names primary.url: `_` stands for `.` and for `_`. */
static bool env_is(const char *env, const char *name)
{
	for (; *env && *name; env++, name++) {
		char want = *name == '.' || *name == '-' ? '_' : *name;
		if (tolower((unsigned char)*env) != want)
			return false;
	}
	return *env == *name;
}

static void env_to_kafka(const char *env, char *out, size_t size)
{
	size_t n = 0;
	for (; env[n] && n < size - 1; n++)
		out[n] =
		    env[n] == '_' ? '.' : (char)tolower((unsigned char)env[n]);
	out[n] = '\0';
}

/* Variables of scripts around the daemons, which are not settings. */
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

static struct err load_variable(
    struct config *c, const char *name, const char *value)
{
	for (size_t i = 0; i < row_count(c); i++) {
		if (env_is(name, row_at(c, i)->name))
			return config_set(c, row_at(c, i)->name, value);
	}
	char dotted[128];
	env_to_kafka(name, dotted, sizeof dotted);
	if (strncmp(dotted, "kafka.", 6) == 0)
		return config_set(c, dotted, value);
	if (env_foreign(name))
		return ERR_OK;
	return unknown_name(c, dotted);
}

static bool has_word(const char *words, const char *word, size_t len)
{
	for (const char *s = words; *s; s += *s == ' ') {
		size_t n = strcspn(s, " ");
		if (n == len && strncmp(s, word, n) == 0)
			return true;
		s += n;
	}
	return false;
}

static struct err load_alias(
    struct config *c, const char *name, size_t len, const char *value)
{
	for (size_t i = 0; i < row_count(c); i++) {
		if (!has_word(row_at(c, i)->aliases, name, len))
			continue;
		struct err e = config_set(c, row_at(c, i)->name, value);
		if (e.kind != ERR_KIND_OK)
			return err_make(ERR_KIND_FATAL, "config",
			    "environment %.*s: %s", (int)len, name, e.msg);
	}
	return ERR_OK;
}

/* Two passes: Sluice's own names override the seeds' names. */
struct err config_load_env(struct config *c, char **env)
{
	struct err e = ERR_OK;
	for (char **v = env; *v && e.kind == ERR_KIND_OK; v++) {
		size_t len = strcspn(*v, "=");
		if ((*v)[len] == '=')
			e = load_alias(c, *v, len, *v + len + 1);
	}
	for (char **v = env; *v && e.kind == ERR_KIND_OK; v++) {
		size_t len = strcspn(*v, "=");
		if (strncmp(*v, "SLUICE_", 7) != 0 || (*v)[len] != '=')
			continue;
		char *name = mem_strndup(*v + 7, len - 7);
		e = load_variable(c, name, *v + len + 1);
		free(name);
	}
	return e;
}

/* --- life and display --------------------------------------------------- */

void config_init(
    struct config *c, void *settings, const struct setting *rows, size_t nrows)
{
	*c =
	    (struct config){.settings = settings, .rows = rows, .nrows = nrows};
	for (size_t i = 0; i < row_count(c); i++)
		CHECK(
		    setting_set(row_at(c, i), c->settings, row_at(c, i)->def));
}

void config_free(struct config *c)
{
	for (size_t i = 0; i < row_count(c); i++) {
		if (setting_is_text(row_at(c, i)))
			free(*(char **)((char *)c->settings +
					row_at(c, i)->offset));
	}
	for (size_t i = 0; i < c->nkafka; i++) {
		free(c->kafka[i].name);
		free(c->kafka[i].value);
	}
	free(c->kafka);
	*c = (struct config){0};
}

struct kafka_config config_kafka(const struct config *c)
{
	const struct common_settings *s = c->settings;
	return (struct kafka_config){
	    .servers = s->kafka_servers,
	    .extra = c->kafka,
	    .nextra = c->nkafka,
	    .client_id = "sluice",
	};
}

/* From the command line or the environment: any bytes. */
static void add_kafka_name(struct buf *out, const char *name)
{
	struct buf full = {0};
	buf_printf(&full, "kafka.%s", name);
	buf_str(out, ",\n  ");
	buf_json(out, full.data, full.len);
	buf_str(out, ": ");
	buf_free(&full);
}

void config_json(const struct config *c, struct buf *out)
{
	buf_char(out, '{');
	for (size_t i = 0; i < row_count(c); i++) {
		struct buf value = {0};
		setting_show(row_at(c, i), c->settings, &value);
		buf_printf(
		    out, "%s\n  \"%s\": ", i ? "," : "", row_at(c, i)->name);
		buf_json(out, value.data ? value.data : "", value.len);
		buf_free(&value);
	}
	for (size_t i = 0; i < c->nkafka; i++) {
		const char *value = kafka_is_secret(c->kafka[i].name)
					? "***"
					: c->kafka[i].value;
		add_kafka_name(out, c->kafka[i].name);
		buf_json(out, value, strlen(value));
	}
	buf_str(out, "\n}\n");
}

static void print_escaped(const char *s)
{
	for (; *s; s++) {
		if (*s == '|')
			putchar('\\');
		putchar(*s);
	}
}

void config_print_docs(const struct config *c)
{
	printf("| setting | default | allowed | aliases | what it does |\n"
	       "|---|---|---|---|---|\n");
	for (size_t i = 0; i < row_count(c); i++) {
		const struct setting *row = row_at(c, i);
		printf("| `%s` | `%s` | ", row->name, row->def);
		print_escaped(setting_allowed(row));
		printf(" | %s | %s |\n", row->aliases, row->help);
	}
}

void config_print_help(const struct config *c)
{
	for (size_t i = 0; i < row_count(c); i++) {
		const struct setting *row = row_at(c, i);
		printf("  --%s=%s\n      %s Allowed: %s.\n", row->name,
		    row->def, row->help, setting_allowed(row));
	}
}
