/* The formats of what is stored, as far as this version knows them
 * (common/log/stored_formats.def).
 */
#pragma once

/* STORED_WRITES and so on: the newest number. */
enum stored_format {
#define FORMAT(id, name, number, text) STORED_##id = (number),
#include "common/log/stored_formats.def"
};

/* The oldest format of the schema whose daemons may work with the newest: its
 * tables have all that they use, and mean the same. */
enum { STORED_SCHEMA_LEAST = 1 };

struct stored_format_row {
	const char *name;
	int number;
	const char *text;
};

enum { STORED_FORMATS = 5 };
extern const struct stored_format_row stored_formats[STORED_FORMATS];
