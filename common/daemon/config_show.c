/* The settings as a page of the admin listener, of docs/, and of --help. */
#include "common/daemon/config_priv.h"

#include "common/base/buf.h"
#include "common/kafka/kafka.h"

#include <stdio.h>
#include <string.h>

/* The name may have any bytes: it is from the command line or environment. */
static void add_free_name(struct buf *out, const char *prefix, const char *name)
{
	struct buf full = {0};
	buf_printf(&full, "%s%s", prefix, name);
	buf_str(out, ",\n  ");
	buf_json(out, full.data, full.len);
	buf_str(out, ": ");
	buf_free(&full);
}

/* A text that somebody put into a file of its own may be a secret. */
static void config_add_row(
    const struct config *c, const struct setting *row, struct buf *out)
{
	struct buf value = {0};
	if (row->kind == SETTING_STRING && config_file_of(c, row->name))
		buf_str(&value, "***");
	else
		setting_show(row, c->settings, &value);
	buf_printf(out, "\n  \"%s\": ", row->name);
	buf_json(out, value.data ? value.data : "", value.len);
	buf_free(&value);
}

static void add_kafka_property(const struct kafka_property *p, struct buf *out)
{
	bool secret = p->secret || kafka_is_secret(p->name);
	const char *value = secret ? "***" : p->value;
	add_free_name(out, "kafka.", p->name);
	buf_json(out, value, strlen(value));
}

static void config_add_file(const struct config_file *f, struct buf *out)
{
	struct buf name = {0};
	buf_printf(&name, "%s.file", f->name);
	buf_str(out, ",\n  ");
	buf_json(out, name.data, name.len);
	buf_str(out, ": ");
	buf_json(out, f->path, strlen(f->path));
	buf_free(&name);
}

void config_json(const struct config *c, struct buf *out)
{
	buf_char(out, '{');
	for (size_t i = 0; i < config_row_count(c); i++) {
		if (i)
			buf_char(out, ',');
		config_add_row(c, config_row_at(c, i), out);
	}
	for (size_t i = 0; i < c->kafka.n; i++)
		add_kafka_property(&c->kafka.all[i], out);
	for (size_t i = 0; i < c->limits.n; i++) {
		const struct kafka_property *p = &c->limits.all[i];
		add_free_name(out, "limit.", p->name);
		buf_json(out, p->value, strlen(p->value));
	}
	for (size_t i = 0; i < c->nfiles; i++)
		config_add_file(&c->files[i], out);
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
	for (size_t i = 0; i < config_row_count(c); i++) {
		const struct setting *row = config_row_at(c, i);
		printf("| `%s` | `%s` | ", row->name, row->def);
		print_escaped(setting_allowed(row));
		printf(" | %s | %s |\n", row->aliases, row->help);
	}
}
