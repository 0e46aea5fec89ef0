#include "api/operation/operation_right.h"

#include "api/core/admission.h"
#include "api/write/own_document.h"

#include <string.h>

enum right operation_right(
    const struct request *r, const struct one_operation *o)
{
	if (o->op == RECORD_DELETE)
		return admission_right(r, VERB_delete);
	if (o->creates || o->condition == RECORD_IF_ABSENT)
		return admission_right(r, VERB_create);
	enum right update = admission_right(r, VERB_update);
	if (o->op != RECORD_PUT || o->condition == RECORD_IF_MATCH)
		return update;
	enum right create = admission_right(r, VERB_create);
	return create < update ? create : update;
}

bool operation_own(const struct request *r, struct one_operation *o)
{
	const char *owner = request_owner(r);
	const char *field = r->target.collection->owner.field->name;
	struct buf filled = {0};
	o->owner = (struct record_text){owner, strlen(owner)};
	o->owner_field = (struct record_text){field, strlen(field)};
	if (o->document.s == NULL)
		return true;
	switch (own_document(r->target.collection, o->op == RECORD_PUT,
	    o->document.s, o->document.len, owner, &filled)) {
	case OWN_AS_IS:
		return true;
	case OWN_FILLED:
		o->filled = filled;
		o->document = (struct jsonslice){filled.data, filled.len};
		return true;
	case OWN_FOREIGN:
		break;
	}
	return false;
}
