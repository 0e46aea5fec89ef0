/* Checks a request when its head is in, before a byte of its body is taken:
 * finds its route and its target, and refuses it or lets it in.
 *
 * Every request passes here, also one whose body is streamed into the log as it
 * arrives.
 */
#pragma once

#include "api/core/request.h"

struct http_head;

/* Sets r->route, r->target and the first step. STEP_DONE: the request is
 * refused, and its refusal is ready; its body does not matter. */
enum step_result entry_check(struct request *r, const struct http_head *head);
