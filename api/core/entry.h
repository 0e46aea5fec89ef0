/* What is decided when the head of a request is in, before a byte of its body
 * is taken: its route, its target, and whether it is refused.
 *
 * Every request comes through here, also one whose body is streamed into the
 * log while it arrives.
 */
#pragma once

#include "api/core/request.h"

struct http_head;

/* Sets r->route, the collection, the key and the first step. STEP_DONE: it is
 * refused, whatever its body is. */
enum step_result entry_check(struct request *r, const struct http_head *head);
