/* Writes JSON text, with the commas between members and elements. */
#pragma once

#include "common/json/jsonslice.h"

#include <stdbool.h>
#include <stdint.h>

struct jsonout {
	struct buf *out;
	bool follows; /* a member or an element stands before the next one */
};

/* `name` NULL: an element of an array, or the whole document. */
void jsonout_open(struct jsonout *j, const char *name, char bracket);
void jsonout_close(struct jsonout *j, char bracket);
void jsonout_string(struct jsonout *j, const char *name, const char *s);
void jsonout_bool(struct jsonout *j, const char *name, bool v);
void jsonout_int(struct jsonout *j, const char *name, int64_t v);
/* Writes the value as it is in its text: no number loses a digit. */
void jsonout_raw(struct jsonout *j, const char *name, struct jsonslice v);
/* {"$ref":"#/components/<kind>/<prefix><target>"} */
void jsonout_ref(struct jsonout *j, const char *name, const char *kind,
    const char *prefix, const char *target);
