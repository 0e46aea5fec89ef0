/* The settings of sluice-writer. */
#pragma once

#include "common/daemon/config.h"

struct writer_settings {
	struct common_settings common;
#define SETTING(kind, field, name, def, allowed, aliases, help)                \
	SETTING_MEMBER(kind, field)
#include "writer/core/settings.def"
#undef SETTING
};
