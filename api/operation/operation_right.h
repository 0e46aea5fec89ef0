/* What a caller may do with an operation of an atomic batch or of a bulk. */
#pragma once

#include "api/core/request.h"
#include "api/operation/one_operation.h"

/* The right that a request for this operation alone would need, on
 * r->target.collection. A put without a condition creates the row or replaces
 * it, so it needs both. */
enum right operation_right(
    const struct request *r, const struct one_operation *o);
/* With RIGHT_OWN: the row must belong to the caller. A document that does not
 * name its owner gets it. False: it names somebody else. The operation borrows
 * the owner from the request. */
bool operation_own(const struct request *r, struct one_operation *o);
