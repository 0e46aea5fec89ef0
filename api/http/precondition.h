/* Preconditions of a write (RFC 9110, 13.1), in the form that the log has (pure
 * core). The writer compares them with the row, in log order.
 */
#pragma once

#include "common/base/buf.h"

#include <stdbool.h>

enum precondition_kind {
	PRECONDITION_NONE,
	PRECONDITION_BAD,    /* a header that cannot be parsed */
	PRECONDITION_MATCH,  /* If-Match: `*`, or one of these versions */
	PRECONDITION_ABSENT, /* If-None-Match: * */
};

/* `if_match` and `if_none_match` may be NULL. For PRECONDITION_MATCH, appends
 * `*` or the versions, decimal, separated by commas. Weak tags never match
 * (strong comparison), so for a list of only weak tags it appends nothing. */
enum precondition_kind precondition_parse(
    const char *if_match, const char *if_none_match, struct buf *versions);
