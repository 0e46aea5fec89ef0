#include "api/admin/operand.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <stdlib.h>

void operand_free(struct operand *o)
{
	free(o->id);
	*o = (struct operand){0};
}

static void set_key(
    struct operand *o, const struct path_segment *key, int32_t partitions)
{
	size_t prefix = o->id_len;
	struct buf id = {0};
	buf_add(&id, o->id, prefix);
	buf_add(&id, key->text, key->len);
	free(o->id);
	o->id = buf_take(&id, &o->id_len);
	o->key = o->id + prefix;
	o->key_len = key->len;
	o->slot = keyspace_slot(o->id, o->id_len, partitions);
}

enum operand_fault operand_take(struct operand *out,
    const struct path_segment *name, const struct path_segment *key,
    int32_t partitions)
{
	struct buf id = {0};
	*out = (struct operand){0};
	const struct collection *c =
	    name ? collection_find(name->text, name->len) : NULL;
	if (name && c == NULL)
		return OPERAND_NO_COLLECTION;
	if (key && !collection_key_valid(c, key->text, key->len))
		return OPERAND_NO_KEY;
	if (c)
		buf_printf(&id, "%s/", c->name);
	out->collection = c;
	out->id = c ? buf_take(&id, &out->id_len) : mem_strdup("");
	if (key)
		set_key(out, key, partitions);
	return OPERAND_OK;
}

enum problem operand_problem(enum operand_fault fault)
{
	return fault == OPERAND_NO_COLLECTION ? PROBLEM_COLLECTION_NOT_FOUND
					      : PROBLEM_NOT_FOUND;
}

const char *operand_fault_text(enum operand_fault fault)
{
	switch (fault) {
	case OPERAND_NO_COLLECTION:
		return "GET /v1 lists the collections.";
	case OPERAND_NO_KEY:
		return "No row can have this key.";
	case OPERAND_OK:
		break;
	}
	UNREACHABLE("no fault");
}
