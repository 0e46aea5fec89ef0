/* The body of a request while it is in hand, against budget_bodies.
 *
 * It grows as bytes arrive: who announced a megabyte and sent a byte holds a
 * byte. When there is no room the request is answered 503 at once: by its head,
 * if that announces more than there is room for; else when the bytes come.
 */
#pragma once

#include "api/core/request.h"

/* Is there room now for a body of so many bytes? False is counted. */
bool body_intake_fits(uint64_t len);
/* Adds to r->body; else lets go of it: HTTPD_LARGE or HTTPD_FULL. */
enum httpd_body body_intake_add(
    struct request *r, const char *data, size_t len);
/* The body is whole. `instead`: bytes of the document that replaces it, which
 * are counted in its place; 0: the body stays. */
void body_intake_settle(struct request *r, size_t instead);
/* The body, or what replaced it, is not needed any more. May be called twice.
 */
void body_intake_free(struct request *r);
