/* The reference systems' /posts and /products: rows of the collections of these
 * names, in their words, by the native way. A write waits for its commit, and
 * answers the row as it is then.
 */
#pragma once

#include "api/core/route.h"

extern const struct feature row_feature;
extern const struct surface seed_posts;
extern const struct surface seed_products;
