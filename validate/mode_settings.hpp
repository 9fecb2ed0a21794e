#pragma once

#include "engine/schema.hpp"
#include "validate/mode.hpp"

namespace jetcal::validate {

/// The table that reads and writes ModeSettings as JSON.
schema::Table<ModeSettings> mode_table();

}  // namespace jetcal::validate
