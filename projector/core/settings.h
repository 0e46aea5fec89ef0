/* The settings of sluice-projector. */
#pragma once

#include "common/daemon/config.h"

struct projector_settings {
	struct common_settings common;
#define SETTING(kind, field, name, def, allowed, aliases, help)                \
	SETTING_MEMBER(kind, field)
#include "projector/core/settings.def"
#undef SETTING
};
