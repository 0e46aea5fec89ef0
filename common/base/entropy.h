/* Random bits, for jitter and for seeds; from the kernel. */
#pragma once

#include <stdint.h>

uint64_t entropy_bits(void);
