/* An export: a whole collection as NDJSON, streamed.
 *
 * One connection to Postgres each, one snapshot. Rows are read from it when
 * libmicrohttpd asks for bytes, that is, when the client has taken the ones
 * before: in between the connection waits, and so does Postgres. What is held
 * is a few rows, whatever the size of the collection.
 *
 * If Postgres fails on the way, the chunked body is not ended but cut off, and
 * the connection reset, so that nobody takes a part for the whole.
 */
#pragma once

#include <stdbool.h>

struct export;
struct request;
struct worker;

/* Any export, also one that is under way: lets go of its connection and its
 * place. */
void export_free(struct export **e);
/* The worker's timer: cuts off those that stand still, or are in the way of a
 * drain. */
void export_sweep(struct worker *w);
