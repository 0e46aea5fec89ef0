/* The reference systems' /posts and /products: rows of the collections of these
 * names, in the reference systems' formats. Everything else is done as for the
 * native routes. A write waits for its commit, and its answer has the row as it
 * is then.
 */
#pragma once

#include "api/core/route.h"

extern const struct feature row_feature;
extern const struct surface seed_posts;
extern const struct surface seed_products;
