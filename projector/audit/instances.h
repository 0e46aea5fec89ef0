/* The API instances, asked at their admin ports what they hold of a key. */
#pragma once

#include "projector/audit/audit_rule.h"

#include "common/base/err.h"
#include "common/base/loop.h"

#include <stdbool.h>
#include <stddef.h>

struct instances;

/* `sight` NULL: it holds nothing that it would serve, or could not be asked. */
typedef void (*instances_done)(
    void *arg, const struct audit_sight *sight, const char *address);

/* `list`: host:port, with commas between, or "". */
struct err instances_check(const char *list);
/* `list` was checked. */
struct instances *instances_new(struct loop *l, const char *list);
size_t instances_count(const struct instances *a);
/* The i-th is asked for `collection/key`, one question after the other. False:
 * too many wait, `done` is not called. Else exactly once, later. */
bool instances_ask(struct instances *a, size_t i, const char *id, size_t len,
    instances_done done, void *arg);
/* Whoever waits is answered before it returns. */
void instances_free(struct instances **a);
/* What a report of /inspect says of its L1; false: nothing that it would serve.
 * (Pure.) */
bool instances_parse(const char *body, size_t len, struct audit_sight *out);
