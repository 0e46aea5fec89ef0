/* What an error of Postgres says about the batch that was sent (pure core).
 *
 * `constraint` is the name of the constraint that refused it; "": none.
 */
#pragma once

#include "common/base/clock.h"
#include "common/base/err.h"

#include <stdbool.h>

/* Does the error concern the server, and not what the batch touches? Then its
 * slices would fail one by one, too. */
bool batch_error_is_of_server(const struct err *e);
/* Is the batch too large? The statement_timeout of the role or the database was
 * exceeded, or Postgres lacks memory; or the answer took nearly as long as the
 * query timeout of our connections (`took`). */
bool batch_error_is_too_much(const struct err *e, dur_us_t took);
/* Has a write of another batch used the idempotency key meanwhile? */
bool batch_error_is_key_taken(const char *constraint);
/* Does a write refer to a row that is not there? */
bool batch_error_is_reference(const struct err *e);
/* Is a row there that a plain insert would have made? Other unique constraints
 * look the same. */
bool batch_error_is_duplicate(const struct err *e, const char *constraint);
