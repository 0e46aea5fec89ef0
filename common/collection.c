#include "common/collection.h"

#include <string.h>

static const struct field records_fields[] = {
    {"value", FIELD_STRING, true},
};

static const struct field counters_fields[] = {
    {"count", FIELD_INTEGER, true},
    {"amount", FIELD_NUMBER, false},
};

static const struct collection collections[] = {
    {
	.name = "records",
	.fields = records_fields,
	.nfields = sizeof records_fields / sizeof records_fields[0],
	.refresh = false,
    },
    {
	.name = "counters",
	.fields = counters_fields,
	.nfields = sizeof counters_fields / sizeof counters_fields[0],
	.refresh = true,
    },
};
enum { COLLECTIONS = sizeof collections / sizeof collections[0] };

const struct collection *collection_find(const char *name, size_t len)
{
	for (size_t i = 0; i < COLLECTIONS; i++) {
		if (strlen(collections[i].name) == len &&
		    memcmp(collections[i].name, name, len) == 0)
			return &collections[i];
	}
	return NULL;
}

const struct collection *collection_at(size_t i)
{
	return i < COLLECTIONS ? &collections[i] : NULL;
}
