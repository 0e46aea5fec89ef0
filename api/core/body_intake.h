/* Takes the body of a request into memory, within budget_bodies.
 *
 * The memory grows as bytes arrive. If a client announces a megabyte and sends
 * one byte, it holds one byte. If there is no room, the request is answered 503
 * at once: at its head if that announces too much, otherwise when the bytes
 * come.
 */
#pragma once

#include "api/core/request.h"

/* Is there room now for a body of `len` bytes? False is counted as a refusal.
 */
bool body_intake_fits(uint64_t len);
/* Adds bytes to r->body. If it is too large or there is no room, frees the body
 * and returns HTTPD_LARGE or HTTPD_FULL. */
enum httpd_body body_intake_add(
    struct request *r, const char *data, size_t len);
/* The body is complete. `instead`: bytes of the document that replaces it and
 * is counted in its place; 0: the body stays. */
void body_intake_settle(struct request *r, size_t instead);
/* Frees the body, and gives back what it or its replacement took from the
 * budget. May be called twice.
 */
void body_intake_free(struct request *r);
