/* SQLSTATE to verdict: one table, common/sqlstate.def. */
#pragma once

#include "common/err.h"

/* The exact code first, then its class; RETRY for what is not listed. */
enum verdict sqlstate_verdict(const char *code);
