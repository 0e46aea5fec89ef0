/* A field of a collection, and the values that it accepts (pure core). The
 * keywords of JSON Schema that docs/collections.md lists are checked exactly,
 * on the bytes of the document.
 */
#pragma once

#include "common/base/buf.h"
#include "common/json/jsonslice.h"
#include "common/schema/format.h"
#include "common/schema/pattern.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_type {
	FIELD_STRING,
	FIELD_INTEGER,
	FIELD_NUMBER,
	FIELD_BOOLEAN,
	FIELD_OBJECT,
	FIELD_ARRAY,
};

/* What it is in Postgres. */
enum column_type {
	COLUMN_TEXT,
	COLUMN_CHAR, /* char(n): blanks at the end are not part of a value */
	COLUMN_BIGINT,
	COLUMN_INTEGER,
	COLUMN_SMALLINT,
	COLUMN_NUMERIC,
	COLUMN_BOOLEAN,
	COLUMN_JSONB,
	COLUMN_TIMESTAMPTZ,
	COLUMN_TIMESTAMP, /* without a zone */
	COLUMN_DATE,
	COLUMN_TIME,
	COLUMN_UUID,
	COLUMN_BYTEA,
	COLUMN_INET,
	COLUMN_CIDR,
	COLUMN_ENUM,  /* struct field: enum_schema, enum_type */
	COLUMN_ARRAY, /* of struct field: items */
};

/* A default that is made for each document. */
enum generated { GENERATED_NOT, GENERATED_NOW, GENERATED_UUID };

/* All of it borrowed from the declaration. Absent: s is NULL, or the flag is
 * false. */
struct field {
	const char *name;
	const char *stored; /* the name of its column */
	const char *was;    /* its former name; NULL: none */
	enum field_type type;
	enum format format;
	enum column_type column;
	/* A document must have it; it may be null. What may be left out is
	 * nullable or has a default. */
	bool required, nullable;
	struct jsonslice otherwise; /* `default`, if it is a value */
	enum generated generated;   /* otherwise */
	bool has_min_length, has_max_length;
	size_t min_length, max_length; /* code points */
	/* Of its numbers, on either side of the point; 0: not said. */
	size_t max_digits;
	struct jsonslice minimum, exclusive_minimum, maximum;
	struct jsonslice choices;    /* `enum`, an array */
	struct jsonslice expression; /* `pattern`, a string */
	struct pattern *pattern;
	struct jsonslice description; /* a string */
	/* A number that documents have as a string of its digits. */
	bool json_string;
	/* The database sets it. No write has it, and every document does. */
	bool read_only;
	bool in_key;		   /* a part of the key: no write changes it */
	const struct field *items; /* of COLUMN_ARRAY; a scalar */
	bool fixed_length;	   /* of COLUMN_CHAR */
	/* The type of a COLUMN_ENUM. */
	const char *enum_schema, *enum_type;
	/* Of an object: its members (they have a name, a type and bounds, and
	 * may be required), and whether it may have no others. Of an array: its
	 * elements, if it is JSON and they are objects or arrays (NULL: any),
	 * and how many. Checked by common/schema/nested.h. */
	struct field *members;
	size_t nmembers;
	bool closed;
	struct field *elements;
	bool has_max_items;
	size_t max_items;
};

const char *field_type_name(enum field_type t); /* "string" */
bool field_type_parse(const char *name, size_t len, enum field_type *out);
const char *column_type_name(enum column_type t); /* "timestamptz" */
enum column_type field_column(enum field_type type, enum format format);
bool field_is_number(const struct field *f);
bool field_has_default(const struct field *f);
/* Does an integer of this format have enough bits for the number? */
bool field_integer_fits(enum format format, int64_t n);
/* A column of integers, of any size. */
bool column_is_integer(enum column_type t);
/* A column of strings that are compared by their bytes. */
bool column_is_text(enum column_type t);
/* May its values be longer than a few bytes? */
bool column_can_be_large(enum column_type t);
/* Digits that a number of the field may have before the point, and behind it.
 * A few bytes (1e9999) are many digits when they are read. Of no field (NULL):
 * what one has that declares nothing. */
enum { FIELD_DIGITS = 1000 };
size_t field_max_digits(const struct field *f);
/* Code points of a string; SIZE_MAX: any number. A pattern costs time that may
 * grow with the square of the length, so its field always has a bound. */
enum { FIELD_PATTERN_LENGTH = 4096 };
size_t field_max_length(const struct field *f);

/* If documents have the field as a string (json_string), and the value is a
 * string with the text of a number: this number. Otherwise the value. It is a
 * part of the value, and the value may be absent (s NULL). */
struct jsonslice field_bare(const struct field *f, struct jsonslice v);

/* What can be wrong with a value, as bits. */
#define FAULT(id, keyword) id##_BIT,
enum field_fault_bit {
#include "common/schema/faults.def"
	FAULT_COUNT
};
#undef FAULT
#define FAULT(id, keyword) id = 1 << id##_BIT,
enum field_fault {
	FAULT_NONE = 0,
#include "common/schema/faults.def"
};
#undef FAULT

/* All that is wrong with the value, or'ed; 0: nothing. The value passed
 * jsonslice_scan. */
unsigned field_faults(const struct field *f, struct jsonslice v);
/* Only the faults for which the column cannot hold the value at all. */
unsigned field_column_faults(const struct field *f, struct jsonslice v);
/* Appends one of them for people: "must be at least 0". */
void field_explain(struct buf *out, const struct field *f, struct jsonslice v,
    enum field_fault fault);
