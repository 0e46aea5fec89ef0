#include "common/daemon/help.h"

#include "common/daemon/arguments.h"
#include "common/daemon/config_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { INDENT = 6, WIDTH = 80, WIDEST = 120 };

/* Of the terminal; without one, that of most. */
static size_t terminal_width(void)
{
	struct winsize size = {0};
	if (!isatty(STDOUT_FILENO) ||
	    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < WIDTH)
		return WIDTH;
	return size.ws_col < WIDEST ? size.ws_col : WIDEST;
}

void help_wrap(const char *text, size_t indent, size_t width)
{
	size_t column = 0;
	while (*(text += strspn(text, " "))) {
		size_t len = strcspn(text, " ");
		if (column > 0 && column + 1 + len > width) {
			putchar('\n');
			column = 0;
		}
		if (column == 0)
			printf("%*s", (int)indent, "");
		else
			putchar(' ');
		printf("%.*s", (int)len, text);
		column += (column == 0 ? indent : 1) + len;
		text += len;
	}
	putchar('\n');
}

static void print_commands(const struct daemon_spec *spec, size_t width)
{
	const struct arguments_command *c;
	for (size_t i = 0; (c = arguments_command_at(i)); i++) {
		printf(c->value == NULL ? "  --%s\n"
		       : c->may_lack	? "  --%s[=%s]\n"
					: "  --%s=%s\n",
		    c->name, c->value);
		help_wrap(c->help, INDENT, width);
	}
	for (size_t i = 0; i < spec->nflags; i++) {
		printf("  --%s\n", spec->flags[i].name);
		help_wrap(spec->flags[i].help, INDENT, width);
	}
	for (size_t i = 0; i < spec->noptions; i++) {
		const struct daemon_option *o = &spec->options[i];
		printf("  --%s=%s\n", o->name, o->value);
		help_wrap(o->help, INDENT, width);
	}
}

/* The group of a setting: its name up to the first dot. */
static size_t group_length(const char *name)
{
	return strcspn(name, ".");
}

static bool same_group(const struct setting *a, const struct setting *b)
{
	size_t len = group_length(a->name);
	return group_length(b->name) == len &&
	       strncmp(a->name, b->name, len) == 0;
}

static void print_setting(const struct setting *row, size_t width)
{
	printf("  --%s=%s\n", row->name, row->def);
	help_wrap(row->help, INDENT, width);
	char *allowed = NULL;
	if (asprintf(&allowed, "Allowed: %s.", setting_allowed(row)) > 0)
		help_wrap(allowed, INDENT, width);
	free(allowed);
}

/* Each group where its first setting stands. */
static void print_settings(const struct config *c, size_t width)
{
	size_t n = config_row_count(c);
	for (size_t i = 0; i < n; i++) {
		const struct setting *first = config_row_at(c, i);
		size_t before = 0;
		while (!same_group(config_row_at(c, before), first))
			before++;
		if (before < i)
			continue;
		printf(
		    "\n%.*s:\n", (int)group_length(first->name), first->name);
		for (size_t k = i; k < n; k++) {
			if (same_group(config_row_at(c, k), first))
				print_setting(config_row_at(c, k), width);
		}
	}
}

static void print_families(const struct config *c, size_t width)
{
	puts("\nMore settings:");
	if (c->has_limits) {
		puts("  --limit.ROLE=RATE");
		help_wrap("How many requests a caller of this role may send: "
			  "100/s burst 200, none.",
		    INDENT, width);
	}
	puts("  --kafka.PROPERTY=VALUE");
	help_wrap("Any librdkafka property.", INDENT, width);
	puts("  --NAME.file=PATH");
	help_wrap("The value of the setting NAME is the content of this file.",
	    INDENT, width);
}

void help_print(const struct daemon_spec *spec)
{
	size_t width = terminal_width();
	printf("usage: %s [--COMMAND] [--SETTING=VALUE]...\n\n", spec->name);
	help_wrap(spec->purpose, 0, width);
	puts("\nCommands:");
	print_commands(spec, width);
	putchar('\n');
	help_wrap("Settings, with their defaults. `--name=value` and `--name "
		  "value` mean the same. A setting may also stand in the file "
		  "of --config (name = value), and in the environment "
		  "(SLUICE_NAME, with `_` for dots). The command line counts "
		  "before the environment, and the environment before the "
		  "file.",
	    0, width);
	print_settings(spec->config, width);
	print_families(spec->config, width);
}
