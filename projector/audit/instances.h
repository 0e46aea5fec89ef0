/* Asks the API instances at their admin ports what L1 has for a key. */
#pragma once

#include "projector/audit/audit_rule.h"

#include "common/base/err.h"
#include "common/base/loop.h"
#include "common/net/tls_client.h"

#include <stdbool.h>
#include <stddef.h>

struct instances;

/* `sight` NULL: the instance has nothing that it would serve, or did not
 * answer. */
typedef void (*instances_done)(
    void *arg, const struct audit_sight *sight, const char *address);

/* `list`: host:port or, for TLS, https://host:port, with commas between, or "".
 */
struct err instances_check(const char *list);
/* `list` was checked. `token`: the setting admin.token, which the instances
 * have, too. It and `tls` are borrowed. */
struct instances *instances_new(struct loop *l, const char *list,
    const char *token, const struct tls_client_options *tls);
size_t instances_count(const struct instances *a);
/* Asks the i-th instance for `collection/key`, one question after the other.
 * False: too many questions wait, and `done` is not called. Otherwise `done` is
 * called exactly once, later. */
bool instances_ask(struct instances *a, size_t i, const char *id, size_t len,
    instances_done done, void *arg);
/* Calls every `done` that is due before it returns. */
void instances_free(struct instances **a);
/* Reads what a report of /inspect says about L1 (pure). False: nothing that the
 * instance would serve. */
bool instances_parse(const char *body, size_t len, struct audit_sight *out);
